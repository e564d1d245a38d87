import { expect, test } from "vitest";
import { fuzz } from "./fuzz-run.ts";

/** Any words; FUZZ_SEED sets it, to see again what was seen. */
const seed = process.env["FUZZ_SEED"] ?? "postern";

test("whatever is asked, the answer is one that the document promises", { timeout: 120_000 }, async () => {
  const { complaints, neverGood } = await fuzz({ seed, rounds: 24, lanes: 1, budgetMs: 25_000 });
  expect(complaints, `FUZZ_SEED=${JSON.stringify(seed)}`).toEqual([]);
  expect(neverGood, "no request of these succeeded: give them something to work with in fuzz-stage.ts").toEqual([]);
});
