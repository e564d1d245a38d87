import { testReplays } from "./replay.ts";

testReplays([1, 12, 18]);
