import { testReplays } from "./replay.ts";

testReplays([1, 2, 3]);
