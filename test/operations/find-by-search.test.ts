import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Mailbox, Page, Search } from "../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../src/mail/message.ts";
import { findBySearch } from "../../src/operations/find-by-search.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, folderRow } from "../store/rows.ts";

test("where there is no time to look through all, what was found is taken, and that there may be more is told", async () => {
  const account = accountRow();
  const folder = { ...folderRow(account.id, "INBOX"), number: 1 };
  const clock = createFakeClock();
  const idKey = createSecretKey(new Uint8Array(32));
  const pages: number[] = [];
  const mailbox = {
    dead: false,
    // A page takes half of the time that is left, and never ends the folder.
    async heads(path: string, { after }: Page<ImapPlace>, { until }: Search) {
      const left = until - clock.now();
      if (left <= 1) throw new Failure("upstream-timeout", "late");
      await clock.advance(left / 2 + 1);
      const uid = (after === null ? 1_000 : after.uid) - 1;
      pages.push(uid);
      const answer = { engine: "server", exact: true, undecided: 0 } as const;
      const heads = [{ place: { path, uidValidity: 7, uid }, receivedAt: 0 }];
      return { uidValidity: 7, heads, next: { uid, sequence: uid }, answer };
    },
    identities: async (places: ImapPlace[]) =>
      places.map((place) => ({ place, key: { kind: "guid", value: `g${place.uid}` } })),
  } as unknown as Mailbox;
  const needs = {
    clock,
    accounts: { get: async () => account, decideIdStability: async () => "permanent" as const },
    folders: { list: async () => [folder], save: async () => true, version: async () => 0 },
    wake: { wake() {} },
    splitKeys: { add: async () => {}, among: async () => new Set<string>() },
    idKey: () => idKey,
    places: createPlaceCache(100),
    intents: { live: async () => [] },
    placements: { find: async () => [], at: async () => [], remove: async () => {} },
  };
  const search = { folder: folder.id, expressionAt: () => ({ op: "seen" }) as const };
  const { refs, meta } = await findBySearch(needs, mailbox, account, search, clock.now() + 20_000);
  expect([refs.size, meta.more]).toEqual([pages.length, true]);
  expect(refs.size).toBeGreaterThan(0);
});
