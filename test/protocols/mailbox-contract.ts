import { afterAll, beforeAll, describe } from "vitest";
import { type Bench, benchOf, type Environment } from "./mailbox-bench.ts";
import { changing } from "./mailbox-contract-changing.ts";
import { folders } from "./mailbox-contract-folders.ts";
import { life } from "./mailbox-contract-life.ts";
import { listing } from "./mailbox-contract-listing.ts";
import { parts } from "./mailbox-contract-parts.ts";
import { reading } from "./mailbox-contract-reading.ts";
import { removing } from "./mailbox-contract-removing.ts";
import { maildropWatching } from "./mailbox-contract-keys.ts";
import { storing } from "./mailbox-contract-storing.ts";
import { watching } from "./mailbox-contract-watching.ts";

/** Declares the whole suite for an environment. */
export function mailboxContract(environment: Environment, more: (bench: Bench) => void = () => {}): void {
  // oxlint-disable-next-line vitest/valid-title -- the environment gives it
  describe(environment.name, () => {
    beforeAll(() => environment.start());
    afterAll(() => environment.stop());
    const bench = benchOf(environment);
    for (const theme of [
      listing,
      reading,
      parts,
      changing,
      removing,
      folders,
      storing,
      watching,
      maildropWatching,
      life,
      more,
    ])
      theme(bench);
  });
}
