import { Failure } from "../../errors.ts";
import { assertKeyword, systemFlags } from "../../mail/flags.ts";
import type { AppendWith } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { messageIdOf, rawHeaders } from "../../mime/headers.ts";
import { internalDate } from "./dates.ts";
import { deadlines } from "./deadline.ts";
import { failure, refusal } from "./failures.ts";
import { fetchRows } from "./fetch.ts";
import { type Row, rowsOf } from "./row.ts";
import { mailboxName, selectFolder } from "./select-folder.ts";
import type { Reply, Session } from "./session.ts";
import { assertStorable } from "./set-flags.ts";
import { atom, numberOf, peekFields, sequence, text, type Token, uint32Of } from "./wire.ts";

/** Octets per millisecond that the line carries at least: 256 kbit/s. */
const slowest = 32;

/**
 * Stores a message (RFC 9051 §6.3.12) and tells where it lies: by APPENDUID, else by looking among what is new since
 * `uidNext`; null where that leaves a doubt. Never sent twice.
 * Fails: `message-too-large`; `refused-by-server` (a full mailbox too); `unsupported-by-server` for flags that the folder
 * can't hold; `not-found`. Where the line broke before the answer the failure is not retryable and says `stored: "unknown"`.
 */
export async function append(
  session: Session,
  path: string,
  message: Uint8Array,
  options: AppendWith,
  uidNext: number | null,
): Promise<ImapPlace | null> {
  const flags = flagsOf(options);
  const selected = await selectFolder(session, path, { fresh: true });
  assertStorable(selected, { add: flags }, { host: session.host, phase: "APPEND" });
  const limit = await appendLimit(session, path);
  if (limit !== null && message.byteLength > limit) throw tooLarge(session, limit);
  const from = uidNext ?? selected.uidNext ?? (await lastUid(session)) + 1;

  const args: Token[] = [
    mailboxName(path),
    ...(flags.length > 0 ? [flags.map(atom)] : []),
    ...(options.receivedAt === null ? [] : [text(internalDate(options.receivedAt))]),
    { type: "LITERAL", value: Buffer.from(message.buffer, message.byteOffset, message.byteLength) },
  ];
  const deadline = deadlines.command + message.byteLength / slowest;
  const reply = await session.exec("APPEND", args, { tolerate: true, deadline }).catch((error: unknown) => {
    throw error instanceof Failure ? unsettled(error) : error;
  });
  if (reply.status !== "OK") throw refusedAppend(session, reply, limit);
  const uidValidity = reply.code === "APPENDUID" ? uint32Of(reply.args[0]) : null;
  const uid = reply.code === "APPENDUID" ? uint32Of(reply.args[1]) : null;
  if (uidValidity !== null && uid) return { path, uidValidity, uid };
  const place = await locateAppended(session, path, from, message, options);
  if (place && flags.length > 0) {
    // GNU imap4d, for one, stores a message without the flags that came with it.
    const stored = [sequence(place.uid), atom("+FLAGS.SILENT"), flags.map(atom)];
    await session.exec("UID STORE", stored, { tolerate: true });
  }
  return place;
}

function flagsOf({ flags, keywords }: AppendWith): string[] {
  for (const keyword of keywords) assertKeyword(keyword);
  return [...flags.map((flag) => systemFlags[flag]), ...keywords];
}

/** RFC 7889: for all folders by the capability, else for this one by STATUS. Octets; null where there is none. */
async function appendLimit(session: Session, path: string): Promise<number | null> {
  const general = session.limitOf("APPENDLIMIT");
  if (general !== null || !session.has("APPENDLIMIT")) return general;
  const args = [mailboxName(path), [atom("APPENDLIMIT")]];
  const { untagged } = await session.exec("STATUS", args, { keep: ["STATUS"], tolerate: true });
  const items = untagged[0]?.attributes?.[1];
  return Array.isArray(items) ? numberOf(items[1]) : null;
}

async function lastUid(session: Session): Promise<number> {
  if (!session.selected?.exists) return 0;
  const { untagged } = await session.exec("FETCH", [sequence("*"), [atom("UID")]], { keep: ["FETCH"] });
  return Math.max(0, ...rowsOf(untagged).map(({ uid }) => uid ?? 0));
}

/**
 * The message among the UIDs from `from` on: the only one of its size with its Message-ID and its date, or the only new one
 * of its Message-ID where the server counts otherwise. Null where several fit, or none; also where looking fails, because
 * the message is stored nevertheless.
 */
async function locateAppended(
  session: Session,
  path: string,
  from: number,
  message: Uint8Array,
  { receivedAt }: AppendWith,
): Promise<ImapPlace | null> {
  try {
    const { uidValidity, exists } = await selectFolder(session, path, { fresh: true });
    if (exists === 0) return null;
    const items = [...["UID", "INTERNALDATE", "RFC822.SIZE"].map(atom), peekFields(["Message-ID"])];
    const rows = await fetchRows(session, "UID FETCH", `${from}:*`, items, { withKey: false });
    const messageId = messageIdOf(rawHeaders(message));
    const second = receivedAt === null ? null : Math.floor(receivedAt / 1000) * 1000;
    // `n:*` is also the last message where all UIDs are below n. A server may add a Message-ID where there is none.
    const fitting = rows.filter(
      (row) =>
        (row.uid ?? 0) >= from &&
        (messageId === null || idOf(row) === messageId) &&
        (second === null || row.internalDate === second),
    );
    const sameSize = fitting.filter((row) => row.size === message.byteLength);
    const [row, ...more] = sameSize.length > 0 || messageId === null ? sameSize : fitting;
    return row?.uid !== undefined && more.length === 0 ? { path, uidValidity, uid: row.uid } : null;
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

function idOf(row: Row): string | null {
  const fields = row.sections.get("HEADER.FIELDS")?.octets;
  return fields ? messageIdOf(rawHeaders(fields)) : null;
}

function tooLarge(session: Session, limit: number | null, reply?: Reply): Failure {
  const where = { host: session.host, phase: "APPEND" };
  const extra = limit === null ? {} : { extra: { limit } };
  const detail = `The mail server takes no message of this size${limit === null ? "" : `: ${limit} octets at most`}.`;
  return failure("message-too-large", detail, where, reply, extra);
}

/** RFC 5530, 7889, 9051 §7.1; and what servers without codes say in words. */
function refusedAppend(session: Session, reply: Reply, limit: number | null): Failure {
  const { status, code, text: words } = reply;
  const where = { host: session.host, phase: "APPEND" };
  if (code === "TOOBIG" || (code === null && /too (big|large|long)|size (limit|exceeded)/i.test(words))) {
    return tooLarge(session, limit, reply);
  }
  if (code === "OVERQUOTA" || (code === null && /quota|(mailbox|disk|storage) (is )?full/i.test(words))) {
    return failure("refused-by-server", "The mailbox is full.", where, reply, {
      fix: "Delete mail from it, or have its quota raised.",
    });
  }
  return refusal(status === "BAD" ? "BAD" : "NO", code, words, where);
}

/** The same failure, where nobody knows whether the server had stored the message by then. */
function unsettled(error: Failure): Failure {
  return new Failure(error.code, error.message, {
    ...error.details,
    retryable: false,
    extra: { ...error.details.extra, stored: "unknown" },
    fix: "It may have been stored: look into the folder before you store it again.",
    cause: error,
  });
}
