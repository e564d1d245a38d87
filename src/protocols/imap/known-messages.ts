import type { Summary } from "../../mail/message.ts";

/** What of a message never changes while its folder keeps its UIDVALIDITY (RFC 9051 §2.3.1.1). */
export type Facts = Pick<Summary, "key" | "thread" | "envelope" | "receivedAt" | "size" | "structure" | "warnings"> & {
  /** The server gave no usable BODYSTRUCTURE, so the structure was read from the whole message here. */
  isParsedHere?: boolean;
};

/**
 * A stranger can write a message whose BODYSTRUCTURE no reader follows: it costs the connection, and must not make the folder
 * unlistable. Such UIDs are found and not asked again.
 */
export type Structures = {
  /** One broke a connection: from then on they are asked for apart from the rest. */
  isCareful: boolean;
  /** … and the messages that were asked for then are still to be named. */
  isUnsure: boolean;
  /** One of these is it: each is asked for alone, and not before the next listing. */
  suspects: Set<number>;
  /** They are it. */
  broken: Set<number>;
};

/** What is known of one folder under one UIDVALIDITY. */
export type KnownFolder = {
  facts(uid: number): Facts | null;
  put(uid: number, facts: Facts): void;
  /**
   * UIDs of the newest messages that listings saw, newest first, without a gap: none but later ones can lie between them.
   * Empty where nothing is known.
   */
  run: number[];
  readonly structures: Structures;
  /** Does the work when no other session of this login does such on this folder. */
  alone<T>(work: () => Promise<T>): Promise<T>;
};

/** The memory of one login on one server. */
export type KnownMailbox = {
  (path: string, uidValidity: number): KnownFolder;
  /** The folder, and those below it, get other names or go: one that gets such a name may get its UIDVALIDITY too. */
  forget(path: string, delimiter: string | null): void;
};

/** The facts of messages that were listed or read, of all accounts together; least recently used out first. */
export type KnownMessages = {
  /** `login` tells the account's mailbox on one server from those that it had on others. */
  of(accountId: string, login: string): KnownMailbox;
  /** Forgets all of an account. */
  forget(accountId: string): void;
};

/** UIDs of a folder's newest messages that are kept in order. */
const maxRun = 2_000;

/** Folders whose newest messages are kept in order. */
const maxRuns = 2_000;

/**
 * @param maxOctets what the facts may take, by a rough estimate
 */
export function createKnownMessages(maxOctets: number): KnownMessages {
  const all = new Map<string, { facts: Facts; octets: number }>();
  const runs = new Map<string, number[]>();
  const structures = new Map<string, Structures>();
  const turns = new Map<string, Promise<unknown>>();
  let octets = 0;

  function put(key: string, facts: Facts): void {
    const before = all.get(key);
    all.delete(key);
    // A string that was cut out of a header keeps all of that header in memory, which nobody has weighed.
    const one = { facts: structuredClone(facts), octets: weigh(facts) };
    octets += one.octets - (before?.octets ?? 0);
    all.set(key, one);
    for (const [oldest, { octets: freed }] of all) {
      if (octets <= maxOctets) break;
      all.delete(oldest);
      octets -= freed;
    }
  }

  function get(key: string): Facts | null {
    const found = all.get(key);
    if (found === undefined) return null;
    all.delete(key);
    all.set(key, found);
    return found.facts;
  }

  function setRun(folder: string, uids: number[]): void {
    runs.delete(folder);
    runs.set(folder, uids.slice(0, maxRun));
    const oldest = runs.keys().next().value;
    if (runs.size > maxRuns && oldest !== undefined) runs.delete(oldest);
  }

  function structuresOf(folder: string): Structures {
    const found = structures.get(folder) ?? emptyStructures();
    structures.delete(folder);
    structures.set(folder, found);
    const oldest = structures.keys().next().value;
    if (structures.size > maxRuns && oldest !== undefined) structures.delete(oldest);
    return found;
  }

  function forget(isMeant: (folder: string) => boolean): void {
    for (const [key, { octets: freed }] of all) {
      if (!isMeant(key)) continue;
      all.delete(key);
      octets -= freed;
    }
    for (const map of [runs, structures]) for (const key of map.keys()) if (isMeant(key)) map.delete(key);
  }

  async function inTurn<T>(folder: string, work: () => Promise<T>): Promise<T> {
    const before = turns.get(folder);
    const turn = (async () => {
      await before?.catch(() => {});
      return work();
    })();
    turns.set(folder, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(folder) === turn) turns.delete(folder);
    }
  }

  const open =
    (accountId: string, login: string) =>
    (path: string, uidValidity: number): KnownFolder => {
      const folder = JSON.stringify([accountId, login, path, uidValidity]);
      // Without a UIDVALIDITY (0) a UID may come to mean another message.
      const isStable = uidValidity > 0;
      return {
        facts: (uid) => (isStable ? get(`${folder}${uid}`) : null),
        put(uid, facts) {
          if (isStable) put(`${folder}${uid}`, facts);
        },
        get run() {
          return runs.get(folder) ?? [];
        },
        set run(uids) {
          if (isStable) setRun(folder, uids);
        },
        get structures() {
          return structuresOf(folder);
        },
        alone: (work) => inTurn(folder, work),
      };
    };

  return {
    of: (accountId, login) =>
      Object.assign(open(accountId, login), {
        forget(path: string, delimiter: string | null) {
          const own = JSON.stringify([accountId, login, path]).slice(0, -1) + ",";
          const below = JSON.stringify([accountId, login, `${path}${delimiter}`]).slice(0, -2);
          forget((key) => key.startsWith(own) || (delimiter !== null && key.startsWith(below)));
        },
      }),
    forget(accountId) {
      const prefix = JSON.stringify([accountId]).slice(0, -1) + ",";
      forget((key) => key.startsWith(prefix));
    },
  };
}

function emptyStructures(): Structures {
  return { isCareful: false, isUnsure: false, suspects: new Set(), broken: new Set() };
}

/** Octets that a value takes, roughly: two for each character, and some for each object. All of it is a stranger's. */
function weigh(value: unknown): number {
  if (typeof value === "string") return 24 + 2 * value.length;
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + weigh(one), 40);
  if (typeof value !== "object" || value === null) return 8;
  return Object.entries(value).reduce((sum, [name, one]) => sum + 2 * name.length + weigh(one), 60);
}
