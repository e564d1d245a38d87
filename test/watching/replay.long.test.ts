import { testReplays } from "./replay.ts";

testReplays(Array.from({ length: 60 }, (_, at) => at + 1));
