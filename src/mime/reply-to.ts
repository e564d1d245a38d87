import type { Address } from "../mail/address.ts";
import type { Envelope } from "../mail/message.ts";
import type { ReplyAction } from "../mail/submission.ts";
import { asciiEmail, checkEmail } from "./check-address.ts";
import { singleLine } from "./single-line.ts";

/** What an answer is made from: the original's envelope, and the message ids of its References, oldest first. */
export type RepliedTo = Pick<Envelope, "from" | "replyTo" | "to" | "cc" | "subject" | "messageId" | "inReplyTo"> & {
  references: string[];
};

export type ReplyHeader = {
  to: Address[];
  cc: Address[];
  subject: string;
  /** With angle brackets, as are the references; null for a forward, and where the original has no id that can be used. */
  inReplyTo: string | null;
  references: string[];
  /** Who would have been written to, but for an address that no server takes: for a warning. */
  unusable: Address[];
};

/** UTF-16 units of a name or a subject that are kept: four octets each stay under RFC 5322's 998 of a line. */
const maxText = 240;

/**
 * Who gets an answer to a message, and what its header says of the original (RFC 5322 §3.6.2 to §3.6.4).
 *
 * - A reply goes to Reply-To, or else to From; replyAll has To and Cc of the original as `cc`. Addresses of the account itself
 *   are left out (in any case of the letters: no provider tells mailboxes apart by it; `ann+x@` is not `ann@`), and nobody
 *   stands twice (domains in any case or as A-labels). Who answers a message of his own goes on with those he wrote to then.
 *   A message from oneself to oneself alone is answered to oneself.
 * - A forward has no recipients and no In-Reply-To, for it answers nothing; its References keep the conversation together.
 * - Mail-Followup-To, Mail-Reply-To and List-Post are not looked at: no standard has them (RFC 2369's is for a person to
 *   choose), and a stranger's header could send a private answer to a list.
 * - Bcc of the original is nobody's to answer to.
 *
 * @param own all addresses that are the account's
 */
export function replyTo(original: RepliedTo, own: string[], action: ReplyAction): ReplyHeader {
  const subject = prefixed(original.subject, action);
  const references = nextReferences(original);
  if (action === "forward") return { to: [], cc: [], subject, inReplyTo: null, references, unusable: [] };

  const isOwn = ownership(own);
  const others = (addresses: Address[]): Address[] => addresses.filter((address) => !isOwn(address));
  const from = original.from ? [original.from] : [];
  const isSent = from.some(isOwn);
  const answered = isSent ? original.to : original.replyTo.length > 0 ? original.replyTo : from;
  const copied = isSent ? original.cc : [...original.to, ...original.cc];

  const to = [others(answered), others(from), isSent ? others(copied) : [], answered, from].find(
    (who) => who.length > 0,
  );
  const cc = action === "replyAll" ? others(copied) : [];
  const seen = new Set<string>();
  const unusable: Address[] = [];
  const each = (addresses: Address[]): Address[] =>
    addresses.flatMap(({ name, email }) => {
      const address = { name: singleLine(name, maxText), email };
      const key = asciiEmail(email);
      if (seen.has(key)) return [];
      seen.add(key);
      if (checkEmail(email) === null) return [address];
      unusable.push(address);
      return [];
    });
  return { to: each(to ?? []), cc: each(cc), subject, inReplyTo: usableId(original.messageId), references, unusable };
}

function ownership(own: string[]): (address: Address) => boolean {
  const keys = new Set(own.map((email) => asciiEmail(email).toLowerCase()));
  return ({ email }) => keys.has(asciiEmail(email).toLowerCase());
}

/**
 * What mail programs of other languages put before a subject, as far as hardly a subject begins so by itself: German AW and
 * WG, Scandinavian SV and VS, VB and VL, Dutch Antw, Polish Odp and PD, Portuguese RES and ENC, Italian RIF, French TR,
 * Spanish RV, Turkish YNT and İLT, Chinese. Italian R and I are too short. A count may follow: Re[2], Re(2), Re^2, Re*2.
 */
const count = String.raw`\s?(?:\[\d{1,4}\]|\(\d{1,4}\)|[\^*]\d{1,4})?\s?[:：]`;
const replies = "re|aw|sv|vs|antw|odp|res|rif|ynt|回复|回覆|答复|答覆";
const forwards = "fwd?|wg|vb|vl|pd|enc|tr|rv|ilt|i̇lt|转发|轉寄";
const replyPrefix = new RegExp(`^(?:${replies})${count}`, "iu");
const forwardPrefix = new RegExp(`^(?:${forwards})${count}`, "iu");
const anyPrefixes = new RegExp(`^(?:\\s*(?:${replies}|${forwards})${count})+`, "iu");

/** A subject without what answers and forwards have put before it, however often; "" where nothing else stands there. */
export function withoutPrefixes(subject: string): string {
  return subject.replace(anyPrefixes, "").trim();
}

function prefixed(subject: string, action: ReplyAction): string {
  const text = singleLine(subject, maxText);
  const [prefix, known] = action === "forward" ? ["Fwd:", forwardPrefix] : ["Re:", replyPrefix];
  return known.test(text) ? text : `${prefix} ${text}`.trimEnd();
}

/**
 * Octets of all references with a space between. RFC 5322 §2.1.1 allows 998 to a line, and a folded field of more is legal,
 * but there are servers that cut or refuse it. Of more ids the oldest and the newest ones stay: News has it so (RFC 5537
 * §3.4.4), and programs that thread look at the first and at the last.
 */
const maxReferences = 900;

/** RFC 5322 §3.6.4: the parent's References, else its In-Reply-To, and behind them its Message-ID. */
function nextReferences({ references, inReplyTo, messageId }: RepliedTo): string[] {
  const older = references.length > 0 ? references : [inReplyTo];
  const ids = [...new Set([...older.filter((id) => id !== messageId), messageId].map(usableId))].filter(
    (id) => id !== null,
  );
  const [first, ...rest] = ids;
  if (first === undefined) return [];
  let left = maxReferences - first.length;
  const kept: string[] = [];
  for (const id of rest.toReversed()) {
    left -= id.length + 1;
    if (left < 0) break;
    kept.unshift(id);
  }
  const newest = rest.at(-1);
  return kept.length > 0 || newest === undefined ? [first, ...kept] : [newest];
}

/** An id that can stand in a header as it is (RFC 5322 §3.6.4 in ASCII), and on a line of its own. */
function usableId(id: string | null): string | null {
  return id !== null && id.length <= maxReferences && /^<[!-;=?-~]+>$/.test(id) ? id : null;
}
