import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import type { MaildropKey } from "./maildrop.ts";
import type { NativeKey } from "./message.ts";
import { randomOctets } from "./random.ts";

/** RFC 4648 §7 in lower case: text sorts as its octets do. */
const alphabet = "0123456789abcdefghijklmnopqrstuv";

/** 16 octets as 26 characters. */
export function base32(octets: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const octet of octets) {
    bits = (bits << 8) | octet;
    for (held += 8; held >= 5; held -= 5) text += alphabet[(bits >> (held - 5)) & 31];
    bits &= 31;
  }
  return text + alphabet[(bits << (5 - held)) & 31];
}

export type RandomPrefix = "app" | "key" | "acc" | "fld" | "thr" | "int" | "blb" | "req";
export type OrderedPrefix = "evt" | "sub" | "dlv" | "whk" | "upl";

/** A new random id: prefix, "_", 26 lower-case base32 characters of 128 random bits. */
export function randomId<P extends RandomPrefix>(prefix: P): `${P}_${string}` {
  return `${prefix}_${base32(randomOctets(16))}`;
}

/** A new id whose text order is the order of time (UUIDv7, RFC 9562 §5.7). `now` in milliseconds since the epoch. */
export function orderedId<P extends OrderedPrefix>(prefix: P, now: number): `${P}_${string}` {
  const octets = randomOctets(16);
  octets.writeUIntBE(now, 0, 6);
  octets[6] = 0x70 | ((octets[6] ?? 0) & 0x0f);
  octets[8] = 0x80 | ((octets[8] ?? 0) & 0x3f);
  return `${prefix}_${base32(octets)}`;
}

/** Where a tracked message was first seen; `folder` is the account's number of the folder. */
export type Origin = { folder: number; uidValidity: number; uid: number };

/**
 * What a message id names: the server's own key, its name in a maildrop, or the place where Postern first saw the message.
 * `login` is the digest of whose maildrop it is (`maildropLogin`), 6 octets in base64url: names mean something in that one only.
 */
export type MessageRef =
  | { tier: "permanent"; key: NativeKey }
  | { tier: "tracked"; origin: Origin }
  | { tier: "maildrop"; login: string; key: MaildropKey };

/** The first octet of an id's content. Never renumbered: ids live in other people's databases. */
const kinds = { emailId: 1, gmail: 2, guidHex: 3, guidText: 4, tracked: 5, uidl: 6, fingerprint: 7 } as const;

const tagLength = 10;
/** Octets of the digest that tells whose maildrop it is. */
const loginLength = 6;

function tag(content: Uint8Array, idKey: KeyObject): Buffer {
  return createHmac("sha256", idKey).update(content).digest().subarray(0, tagLength);
}

function encodeRef(ref: MessageRef): Buffer {
  if (ref.tier === "tracked") {
    const content = Buffer.alloc(13);
    content.writeUInt8(kinds.tracked, 0);
    content.writeUInt32BE(ref.origin.folder, 1);
    content.writeUInt32BE(ref.origin.uidValidity, 5);
    content.writeUInt32BE(ref.origin.uid, 9);
    return content;
  }
  if (ref.tier === "maildrop") {
    const { kind, value } = ref.key;
    return Buffer.concat([Buffer.of(kinds[kind]), Buffer.from(ref.login, "base64url"), Buffer.from(value, "utf8")]);
  }
  const { kind, value } = ref.key;
  if (kind === "emailId") return Buffer.concat([Buffer.of(kinds.emailId), Buffer.from(value, "utf8")]);
  if (kind === "gmail") {
    const content = Buffer.alloc(9);
    content.writeUInt8(kinds.gmail, 0);
    content.writeBigUInt64BE(BigInt(value), 1);
    return content;
  }
  return /^(?:[0-9a-f]{2})+$/.test(value)
    ? Buffer.concat([Buffer.of(kinds.guidHex), Buffer.from(value, "hex")])
    : Buffer.concat([Buffer.of(kinds.guidText), Buffer.from(value, "utf8")]);
}

function decodeRef(content: Buffer): MessageRef | null {
  const rest = content.subarray(1);
  switch (content[0]) {
    case kinds.emailId:
      return { tier: "permanent", key: { kind: "emailId", value: rest.toString("utf8") } };
    case kinds.gmail:
      return { tier: "permanent", key: { kind: "gmail", value: rest.readBigUInt64BE(0).toString() } };
    case kinds.guidHex:
      return { tier: "permanent", key: { kind: "guid", value: rest.toString("hex") } };
    case kinds.guidText:
      return { tier: "permanent", key: { kind: "guid", value: rest.toString("utf8") } };
    case kinds.uidl:
      return inMaildrop("uidl", rest);
    case kinds.fingerprint:
      return inMaildrop("fingerprint", rest);
    case kinds.tracked:
      return {
        tier: "tracked",
        origin: { folder: rest.readUInt32BE(0), uidValidity: rest.readUInt32BE(4), uid: rest.readUInt32BE(8) },
      };
    default:
      return null;
  }
}

function inMaildrop(kind: MaildropKey["kind"], rest: Buffer): MessageRef {
  const login = rest.subarray(0, loginLength).toString("base64url");
  return { tier: "maildrop", login, key: { kind, value: rest.subarray(loginLength).toString("utf8") } };
}

/** The opaque id of a message: a pure function of what it names and the account's id key (DESIGN §4). */
export function encodeMessageId(ref: MessageRef, idKey: KeyObject): string {
  const content = encodeRef(ref);
  return `msg_${Buffer.concat([content, tag(content, idKey)]).toString("base64url")}`;
}

/** What an id names, or null when it is malformed, forged, or another account's. */
export function decodeMessageId(id: string, idKey: KeyObject): MessageRef | null {
  const text = id.startsWith("msg_") ? id.slice(4) : "";
  if (!/^[A-Za-z0-9_-]{16,700}$/.test(text)) return null;
  const octets = Buffer.from(text, "base64url");
  if (octets.toString("base64url") !== text || octets.length < tagLength + 2) return null;
  const content = octets.subarray(0, octets.length - tagLength);
  if (!timingSafeEqual(tag(content, idKey), octets.subarray(octets.length - tagLength))) return null;
  return decodeRef(content);
}

/** A native key as one string, for maps and rows. */
export function keyText(key: NativeKey): string {
  return `${key.kind}:${key.value}`;
}

/** The key that `keyText` made the text of; null for any other text. */
export function nativeKey(text: string): NativeKey | null {
  const at = text.indexOf(":");
  const kind = text.slice(0, at);
  const value = text.slice(at + 1);
  return kind === "guid" || kind === "emailId" || kind === "gmail" ? { kind, value } : null;
}

/** An origin as one string, for maps. */
export function originText(origin: Origin): string {
  return `${origin.folder}/${origin.uidValidity}/${origin.uid}`;
}
