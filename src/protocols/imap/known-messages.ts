import type { Summary } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";

/** What of a message never changes while its folder keeps its UIDVALIDITY (RFC 9051 §2.3.1.1). */
export type Facts = Pick<Summary, "key" | "envelope" | "receivedAt" | "size" | "structure" | "warnings"> & {
  /** The server gave no usable BODYSTRUCTURE, so the structure was read from the whole message here. */
  isParsedHere?: boolean;
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
  /** A BODYSTRUCTURE of this folder broke a connection: they are not asked for any more. */
  avoidsStructure: boolean;
  /** Does the work when no other session of this login does such on this folder. */
  alone<T>(work: () => Promise<T>): Promise<T>;
};

/** The memory of one login on one server. */
export type KnownMailbox = (path: string, uidValidity: number) => KnownFolder;

/** The facts of messages that were listed or read, of all accounts together; least recently used out first. */
export type KnownMessages = {
  /** `login` tells one mailbox on one server from every other. */
  of(login: string): KnownMailbox;
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
  const avoided = new Set<string>();
  const turns = new Map<string, Promise<unknown>>();
  let octets = 0;

  function put(key: string, facts: Facts): void {
    const before = all.get(key);
    all.delete(key);
    const one = { facts, octets: weigh(facts) };
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

  return {
    of: (login) => (path, uidValidity) => {
      const folder = JSON.stringify([login, path, uidValidity]);
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
        get avoidsStructure() {
          return avoided.has(folder);
        },
        set avoidsStructure(avoids) {
          if (avoids && avoided.size < maxRuns) avoided.add(folder);
          else avoided.delete(folder);
        },
        alone: (work) => inTurn(folder, work),
      };
    },
  };
}

function weigh({ envelope, structure }: Facts): number {
  const addresses = 1 + envelope.replyTo.length + envelope.to.length + envelope.cc.length + envelope.bcc.length;
  return 500 + 2 * envelope.subject.length + addresses * 150 + (structure ? weighPart(structure) : 0);
}

function weighPart(part: Part): number {
  return part.children.reduce((sum, child) => sum + weighPart(child), 400);
}
