import { test } from "vitest";

/** `test` for who has what it takes; else it is skipped, and its name says why. */
export const testWhere =
  (has: true | string) =>
  (name: string, work: () => Promise<void>): void => {
    // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- both stand where this is called
    test.skipIf(has !== true)(has === true ? name : `${name} (not here: ${has})`, work);
  };
