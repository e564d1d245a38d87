import type { ImapFlow, ImapAttribute, ImapResponse } from "imapflow";
import type { Failure } from "../../errors.ts";
import { withDeadline } from "../../net/deadline.ts";
import { makeEnding } from "../../net/ending.ts";
import { makeTurns } from "../../net/turns.ts";
import type { Clock } from "../../observe.ts";
import { deadlines } from "./deadline.ts";
import type { KnownMailbox } from "./known-messages.ts";
import type { PersonalNamespace } from "./namespace.ts";
import { brokeProtocol, failure, refusal, timedOut, toFailure, type Where } from "./failures.ts";
import type { Looked, Selected } from "./selected.ts";
import { modSeqOf, responseCode, responseText, type Token, wireOf } from "./wire.ts";

/** The tagged answer to a command, and the untagged ones of the kinds that were asked for. */
export type Reply = {
  status: "OK" | "NO" | "BAD";
  /** Upper case; null where there is none. */
  code: string | null;
  args: ImapAttribute[];
  /** The server's words. */
  text: string;
  untagged: ImapResponse[];
};

export type ExecOptions = {
  /** Which untagged responses to keep, such as FETCH. */
  keep?: string[];
  /** Takes each of these as it comes; none is in the reply then. */
  each?: (response: ImapResponse) => void;
  /** A NO or BAD is a reply instead of a failure. */
  tolerate?: boolean;
  /** Asks for news of the folder in the same round trip. Not before a command with sequence numbers (RFC 3501 §5.5). */
  news?: boolean;
  /** Sends this in the same flight, ahead of the command; its answer is not told. Only before a UID command. */
  ahead?: "EXPUNGE";
  /** Called when the server asks to go on ("+"), with what sends a line more. */
  onContinue?: (say: (line: string) => void) => void;
  /** Milliseconds. */
  deadline?: number;
};

/** An authenticated connection: what every command of this room uses. */
export type Session = {
  readonly host: string;
  readonly clock: Clock;
  /** What is under way or was last: `login`, or a command's name. */
  readonly phase: string;
  selected: Selected | null;
  /** Called with each news of the selected folder. */
  onNews: (() => void) | null;
  /** What `watching` has seen of folders, by their raw paths. */
  readonly looked: Map<string, Looked>;
  /** It is the connection that watches: what costs a server something may be asked for. */
  readonly watches: boolean;
  /** QRESYNC (RFC 7162) is enabled: the server tells which messages have gone. */
  qresync: boolean;
  /** False once the server refused CHANGEDSINCE (RFC 7162). */
  takesChangedSince: boolean;
  /** False once the server refused to tell HIGHESTMODSEQ in answer to STATUS. */
  takesModSeqStatus: boolean;
  /** Whether this server answers Dovecot's unadvertised X-GUID; decided on the first message seen. */
  guid: "unknown" | "yes" | "no";
  /** False once the server refused to be asked for parts that a message may not have. */
  takesGuesses: boolean;
  /** False once the server refused to be asked for the beginning of HEADER.FIELDS. */
  takesPartialFields: boolean;
  /** False once the server refused to tell the conversation's id that it announces. */
  tellsThreads: boolean;
  /** How the server may be asked at best to tell what a search finds: what it announces and refuses is left out. */
  searchWay: "partial" | "extended" | "plain";
  /** Predicates of a search that the server refused, and that are decided here since. */
  readonly unsearchable: Set<string>;
  /** What earlier sessions of this login have seen of its messages. */
  readonly known: KnownMailbox;
  /** Gives out what the server wanted the user to see since the last call. */
  readonly alerts: () => string[];
  /** Why the connection must not be used any more; null while it may. */
  dead: Failure | null;
  /** Whether the server offers a capability (RFC 9051 §7.2.2), upper case. */
  has(capability: string): boolean;
  /** The number that a capability announces (`APPENDLIMIT=n`), or null. */
  limitOf(capability: string): number | null;
  /** Where the user's own folders lie (NAMESPACE, RFC 2342), or null where the server did not say. */
  readonly namespace: PersonalNamespace | null;
  /** Sends a command and waits for its end; fails with a Failure, and kills the connection on a deadline. */
  exec(command: string, args: Token[], options?: ExecOptions): Promise<Reply>;
  /** Waits until no other call runs on the session, first come, first served; the caller gives the turn back. */
  takeTurn(): Promise<() => void>;
  /** Calls back as soon as a turn is waited for, at once where one is; null to be told no more. */
  whenWanted(callBack: (() => void) | null): void;
  /** Settles when no turn is taken or waited for any more; null when none is. */
  readonly unfinished: Promise<unknown> | null;
  /** Marks the connection as not to be used again and closes it. */
  kill(why: Failure): void;
  /** LOGOUT where the session is free, then closes. Never throws. */
  close(): Promise<void>;
};

/**
 * More than this in answer to one command is an attack or a fault: octets of all that comes, and values read out of what is
 * kept, which take some 250 octets of memory each. A whole message may come in a FETCH, or a page of messages with thousands
 * of parts, so its rows are read as they come (`each`).
 */
const mostOf = {
  fetch: { octets: 40 * 1024 * 1024, values: 2_500_000 },
  other: { octets: 4 * 1024 * 1024, values: 350_000 },
};
/** Octets that may come until somebody is logged in. */
const mostBefore = 512 * 1024;

/** After this long without a word, milliseconds, the line may be gone unnoticed (a NAT forgets it, the other side lost power). */
const quietMs = 10_000;

/** How long the answer to a NOOP may take on such a line, milliseconds, before it is taken for gone. */
const proofMs = 5_000;

/** Of what we ask for, what a server that speaks only IMAP4rev2 need not name (RFC 9051 appendix E). */
const rev2 = new Set(["ESEARCH", "IDLE", "LIST-EXTENDED", "LIST-STATUS", "MOVE", "SPECIAL-USE", "UIDPLUS"]);

type SessionOptions = Pick<Session, "host" | "clock" | "known" | "alerts"> & {
  watches?: boolean;
  /** The server's words without the password, should it echo that. */
  discreet: (words: string) => string;
};

/** Wraps a client that may not be connected yet. */
export function makeSession(client: ImapFlow, options: SessionOptions): Session {
  const { host, clock, known, alerts, discreet, watches = false } = options;
  const wire = wireOf(client);
  let newsAsked = 0;
  let phase = "login";
  let lastHeard = clock.now();
  const death = makeEnding();
  const turns = makeTurns(death);
  let waiting = 0;
  let onWanted: (() => void) | null = null;
  let maxReceived = mostBefore;

  const session: Session = {
    host,
    clock,
    get phase() {
      return phase;
    },
    selected: null,
    onNews: null,
    looked: new Map(),
    watches,
    qresync: false,
    takesChangedSince: true,
    takesModSeqStatus: true,
    guid: "unknown",
    takesGuesses: true,
    takesPartialFields: true,
    tellsThreads: true,
    searchWay: "partial",
    unsearchable: new Set(),
    known,
    alerts,
    dead: null,
    has: (capability) =>
      client.capabilities.has(capability) ||
      (rev2.has(capability) && client.capabilities.has("IMAP4rev2") && !client.capabilities.has("IMAP4rev1")),
    limitOf(capability) {
      const value = client.capabilities.get(capability);
      return typeof value === "number" ? value : null;
    },
    get namespace() {
      const told = client.capabilities.has("NAMESPACE") ? client.namespace : undefined;
      return told ? { prefix: told.prefix, delimiter: told.delimiter || null } : null;
    },
    exec,
    async takeTurn() {
      waiting++;
      onWanted?.();
      const giveBack = await turns.take().finally(() => waiting--);
      if (!session.dead) return giveBack;
      giveBack();
      throw session.dead;
    },
    whenWanted(callBack) {
      onWanted = callBack;
      if (waiting > 0) callBack?.();
    },
    get unfinished() {
      return turns.unfinished;
    },
    kill(why) {
      session.dead ??= why;
      death.end();
      client.close();
    },
    async close() {
      const free = turns.unfinished === null && !session.dead;
      session.dead ??= closedBy(client, { host, phase: "closed" }, discreet);
      death.end();
      if (free) {
        await withDeadline(clock, deadlines.logout, client.logout(), () => client.close()).catch(() => {});
      }
      client.close();
    },
  };

  const handlerOf = wire.getUntaggedHandler.bind(client);
  wire.getUntaggedHandler = (command, attributes) => {
    if (client.stats().received > maxReceived) session.kill(endless({ host, phase }));
    return handlerOf(command, attributes);
  };
  client.on("error", (error) => session.kill(toFailure(error, { host, phase }, discreet)));
  client.on("close", () => session.kill(closedBy(client, { host, phase }, discreet)));
  return session;

  async function exec(command: string, args: Token[], options: ExecOptions = {}): Promise<Reply> {
    const where: Where = { host, phase: command };
    if (session.dead) throw session.dead;
    const wasQuiet = clock.now() - lastHeard >= quietMs;
    // What may be gone is found out by a NOOP: in little time, and before anything is done.
    if (wasQuiet && command !== "NOOP") await exec("NOOP", [], { tolerate: true });
    const isProof = wasQuiet && command === "NOOP";
    const untagged: ImapResponse[] = [];
    phase = command;
    const most = mostOf[command.endsWith("FETCH") ? "fetch" : "other"];
    maxReceived = client.stats().received + most.octets;
    let values = 0;
    const keep = async (response: ImapResponse): Promise<void> => {
      values += countValues(response.attributes);
      if (values > most.values) session.kill(endless(where));
      else if (options.each) options.each(response);
      else untagged.push(response);
    };
    const handlers = Object.fromEntries((options.keep ?? []).map((kind) => [kind, keep]));
    try {
      if (options.news) wire.write(`NEWS${++newsAsked} NOOP`);
      if (options.ahead) wire.write(`NEWS${++newsAsked} ${options.ahead}`);
      const { onContinue } = options;
      const onPlusTag = async (): Promise<void> => onContinue?.((line) => session.dead ?? wire.write(line));
      const work = wire.exec(command, args, { untagged: handlers, ...(onContinue ? { onPlusTag } : {}) });
      const { response, next } = await withDeadline(
        clock,
        isProof ? proofMs : (options.deadline ?? deadlines.command),
        work,
        () => session.kill(isProof ? gone(where) : timedOut(where)),
      );
      next();
      const code = responseCode(response);
      if (session.selected && code?.code === "HIGHESTMODSEQ") {
        session.selected.modSeq = modSeqOf(code.args[0]) ?? session.selected.modSeq;
      }
      // What could not be read was noticed by the logger meanwhile: then the rows are not all there.
      if (session.dead) throw session.dead;
      return { status: "OK", code: code?.code ?? null, args: code?.args ?? [], text: responseText(response), untagged };
    } catch (error) {
      if (session.dead) throw session.dead;
      const refused = refusedReply(error, discreet);
      if (!refused) {
        const failure = toFailure(error, where, discreet);
        session.kill(failure);
        throw failure;
      }
      if (options.tolerate) return { ...refused, untagged };
      throw refusal(refused.status, refused.code, refused.text, where);
    } finally {
      lastHeard = clock.now();
    }
  }
}

/** As `upstream-unreachable` a read is tried again on another session. */
function gone(where: Where): Failure {
  return failure("upstream-unreachable", "The connection to the mail server was lost while it lay idle.", where);
}

function endless(where: Where): Failure {
  return brokeProtocol("The mail server's answer has no end.", where);
}

/** How many values a response is made of; a list, and the response itself, are as dear as four. */
function countValues(attributes: (ImapAttribute | undefined)[] | undefined): number {
  let count = 4;
  for (const value of attributes ?? []) count += Array.isArray(value) ? countValues(value) : 1;
  return count;
}

/** Why the connection was closed: with the server's words where it said BYE. */
function closedBy(client: ImapFlow, where: Where, discreet: (words: string) => string): Failure {
  return toFailure({ reason: client.byeReason }, where, discreet);
}

/** The tagged NO or BAD inside imapflow's error; null when the error is of another kind. */
function refusedReply(error: unknown, discreet: (words: string) => string): (Reply & { status: "NO" | "BAD" }) | null {
  if (typeof error !== "object" || error === null || !("response" in error) || !("responseStatus" in error))
    return null;
  if ("code" in error && error.code === "ETHROTTLE") return null;
  const { response, responseStatus: status } = error as { response: ImapResponse; responseStatus: unknown };
  if ((status !== "NO" && status !== "BAD") || typeof response !== "object") return null;
  const code = responseCode(response);
  const text = discreet(responseText(response));
  return { status, code: code && discreet(code.code), args: code?.args ?? [], text, untagged: [] };
}
