import { createHmac, type KeyObject } from "node:crypto";
import { base32, keyText } from "./id.ts";
import { maildropKeyText } from "./maildrop.ts";
import type { Place, Summary } from "./message.ts";

/**
 * What ties messages to conversations. A node is the digest of something that messages of one conversation have in common: a
 * message id that one carries and others refer to, or the server's own id of the conversation. Messages that share a node are in
 * one thread, and the thread's id is one of its nodes.
 */
export type ThreadNodes = {
  /** Names the message itself: copies of it have the same. */
  own: string;
  /** What puts it into a thread, from the conversation's root on: at least one node, at most 102. */
  all: [string, ...string[]];
};

/** What a node is made of: a message id in angle brackets, the server's own id of a conversation, or what names a message without either. */
type Named = { kind: "message" | "native" | "copy"; value: string };

/** `thr_` and 26 lower-case base32 characters: a pure function of the name and the account's id key (DESIGN §4). */
export function threadNode(idKey: KeyObject, { kind, value }: Named): string {
  const digest = createHmac("sha256", idKey).update(`thread\0${kind}\0${value}`).digest();
  return `thr_${base32(digest.subarray(0, 16))}`;
}

/**
 * The nodes of a message. Where the server tells a conversation's id (X-GM-THRID; RFC 8474 THREADID), that is the only one that
 * counts; else the ids of References, oldest first, of In-Reply-To, and its own (RFC 5322 §3.6.4).
 */
export function nodesOf(
  idKey: KeyObject,
  { thread, envelope, key, place }: Pick<Summary, "thread" | "envelope" | "key" | "place">,
): ThreadNodes {
  const { messageId, inReplyTo, references } = envelope;
  const named = (kind: Named["kind"], value: string): string => threadNode(idKey, { kind, value });
  const own =
    messageId === null ? named("copy", key === null ? placeText(place) : keyText(key)) : named("message", messageId);
  if (thread !== null) return { own, all: [named("native", thread)] };
  const ids = new Set([...references, ...[inReplyTo, messageId].flatMap((id) => id ?? [])]);
  // The message's own id comes last, also where it refers to itself.
  if (messageId !== null && ids.delete(messageId)) ids.add(messageId);
  const [root = own, ...others] = [...ids].map((id) => named("message", id));
  return { own, all: [root, ...others] };
}

/**
 * The thread of a message by what is known of its nodes: that of the nearest one that is linked to a thread. Where none is, the
 * message begins a thread, whose id is the first node.
 */
export function threadOf({ all }: ThreadNodes, links: ReadonlyMap<string, string>): string {
  const known = all.findLast((node) => links.has(node));
  return (known === undefined ? undefined : links.get(known)) ?? all[0];
}

function placeText(place: Place): string {
  return "key" in place ? maildropKeyText(place.key) : `${place.uidValidity}/${place.uid} ${place.path}`;
}
