import { expect, test } from "vitest";
import { freezeOne } from "./frozen-replica.ts";

test("a replica is frozen past its lease with messages in its hands, and thaws: none is sent twice, nothing is told twice, what it writes late is refused", async () => {
  expect(await freezeOne(5)).toEqual({ taken: 4 });
}, 120_000);
