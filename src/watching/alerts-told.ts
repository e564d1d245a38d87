import { createHash } from "node:crypto";

/** What servers wanted to be shown and was told of late: many say the same at every login. */
export type AlertsTold = {
  /** Those of the texts that are to be told, each once; none once the account has had its share. */
  untold(accountId: string, texts: string[], now: number): string[];
  add(accountId: string, texts: string[], now: number): void;
};

const dayMs = 24 * 3_600_000;

/** A server that never says the same twice is told of so often a day. */
const mostADay = 10;

/** Accounts that are remembered at most; the one told of longest ago goes first. */
const mostAccounts = 10_000;

/** Remembers in memory, for a day each. */
export function createAlertsTold(): AlertsTold {
  /** Accounts in the order in which they were told of last; of each, the texts' digests in the order of their times. */
  const told = new Map<string, Map<string, number>>();

  const ofLate = (accountId: string, now: number): Map<string, number> =>
    new Map([...(told.get(accountId) ?? [])].filter(([, at]) => now - at < dayMs));

  function forgetOld(now: number): void {
    for (const [accountId, texts] of told) {
      const last = [...texts.values()].at(-1) ?? 0;
      if (told.size <= mostAccounts && now - last < dayMs) return;
      told.delete(accountId);
    }
  }

  return {
    untold(accountId, texts, now) {
      const known = ofLate(accountId, now);
      const fresh = [...new Set(texts)].filter((text) => !known.has(digest(text)));
      return fresh.slice(0, Math.max(0, mostADay - known.size));
    },
    add(accountId, texts, now) {
      const known = ofLate(accountId, now);
      for (const text of texts) known.set(digest(text), now);
      told.delete(accountId);
      told.set(accountId, known);
      forgetOld(now);
    },
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
