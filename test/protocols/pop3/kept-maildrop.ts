import { Failure } from "../../../src/errors.ts";
import type { Flags } from "../../../src/mail/flags.ts";
import {
  type KeptHeader,
  type KeptMaildrop,
  type MaildropKey,
  maildropKeyText,
  maxKeptHeaderOctets,
  maxKeptHeaders,
} from "../../../src/mail/maildrop.ts";

type Kept = { flags: Flags; keywords: string[] };

const none: Flags = { seen: false, flagged: false, answered: false, draft: false };

export type Broken = "headers" | "flags" | "forget" | "keepOnly";

/** What is kept of a maildrop, in memory, as the database keeps it; but flags go with their message at once. */
export type KeptInMemory = KeptMaildrop & {
  /** The keys of headers that were put, in order, each time. */
  readonly put: string[];
  /** What the maildrop was told to be: how many keys, and of which kind. */
  readonly told: { keys: string[]; kind: MaildropKey["kind"] | undefined }[];
  /** Makes these fail, as a database that is gone does. */
  breakDown(...parts: Broken[]): void;
};

export function keptInMemory(): KeptInMemory {
  const headers = new Map<string, KeptHeader>();
  const flags = new Map<string, Kept>();
  const duplicates = new Set<string>();
  const put: string[] = [];
  const told: KeptInMemory["told"] = [];
  const broken = new Set<Broken>();
  const assertWorks = (part: Broken): void => {
    if (broken.has(part)) throw new Failure("storage-unavailable", "The database is away.");
  };
  const among = <T>(map: Map<string, T>, keys: MaildropKey[]): Map<string, T> => {
    const texts = new Set(keys.map(maildropKeyText));
    return new Map([...map].filter(([text]) => texts.has(text)));
  };
  return {
    put,
    told,
    breakDown: (...parts) => parts.forEach((part) => broken.add(part)),
    headers: {
      async get(keys) {
        assertWorks("headers");
        return among(headers, keys);
      },
      async keys() {
        assertWorks("headers");
        return new Set(headers.keys());
      },
      async put(all) {
        assertWorks("headers");
        for (const one of all) {
          if (one.header.length > maxKeptHeaderOctets || headers.size >= maxKeptHeaders) continue;
          headers.set(maildropKeyText(one.key), { ...one, header: Uint8Array.from(one.header) });
          put.push(maildropKeyText(one.key));
        }
      },
    },
    flags: {
      async get(keys) {
        assertWorks("flags");
        return among(flags, keys);
      },
      async having(flag) {
        assertWorks("flags");
        return new Set([...flags].filter(([, kept]) => kept.flags[flag]).map(([text]) => text));
      },
      async change(keys, change) {
        assertWorks("flags");
        for (const text of keys.map(maildropKeyText)) {
          const before = flags.get(text) ?? { flags: none, keywords: [] };
          const keywords = new Set([...before.keywords, ...change.keywords.add]);
          for (const keyword of change.keywords.remove) keywords.delete(keyword);
          flags.set(text, { flags: { ...before.flags, ...change.flags }, keywords: [...keywords] });
        }
      },
    },
    duplicates: {
      all: async () => new Set(duplicates),
      async add(texts) {
        for (const text of texts) duplicates.add(text);
      },
    },
    async forget(keys) {
      assertWorks("forget");
      for (const text of keys.map(maildropKeyText)) {
        headers.delete(text);
        flags.delete(text);
      }
    },
    async keepOnly(keys, _, kind) {
      assertWorks("keepOnly");
      const live = new Set(keys.map(maildropKeyText));
      told.push({ keys: [...live], kind });
      for (const text of headers.keys()) if (!live.has(text)) headers.delete(text);
      for (const text of flags.keys()) {
        if (!live.has(text) && (kind === undefined || text.startsWith(`${kind}:`))) flags.delete(text);
      }
    },
  };
}
