import { type KeptHeader, type MaildropKey, maildropKeyText, maxKeptHeaders } from "../../mail/maildrop.ts";
import type { MaildropWatching } from "../../mail/watch.ts";
import type { Call } from "./call.ts";
import { prune } from "./prune.ts";
import { keptHeader } from "./read-headers.ts";
import { topUntil } from "./top-until.ts";

/** Headers that are asked for together; they are kept before the next ones are. */
const batchSize = 25;

/**
 * Reads and keeps headers that are not kept yet, the newest first; of one that can't be kept it is kept that it can't. What TOP
 * gives is tried on a single message; where it gives nothing, that is all.
 */
export async function keepHeaders(
  call: Call,
  { most, goOn }: Parameters<MaildropWatching["keepHeaders"]>[0],
): ReturnType<MaildropWatching["keepHeaders"]> {
  const { session, maildrop, kept } = call;
  const keys = new Map<number, MaildropKey>();
  for (const number of maildrop.numbers.slice(-maxKeptHeaders)) {
    const key = maildrop.keyOf(number);
    if (key?.kind === "uidl") keys.set(number, key);
  }
  const texts = await kept.headers.keys();
  const missing = [...keys].filter(([, key]) => !texts.has(maildropKeyText(key))).reverse();
  let known = keys.size - missing.length;
  if (missing.length === 0) return { known, of: keys.size };
  await prune(call);
  const wanted = missing.slice(0, most).map(([number]) => number);
  for (let at = 0; at < wanted.length && session.hasTop !== "no" && goOn();) {
    const batch = wanted.slice(at, at + (session.hasTop === "yes" ? batchSize : 1));
    const headers = await readKept(call, batch, keys);
    await kept.headers.put(headers);
    known += headers.length;
    at += batch.length;
    if (session.hasTop !== "yes") break;
  }
  return { known, of: keys.size };
}

async function readKept(call: Call, numbers: number[], keys: Map<number, MaildropKey>): Promise<KeptHeader[]> {
  const sizes = await call.maildrop.sizesOf(numbers);
  const headers: KeptHeader[] = [];
  for await (const { number, header, refused } of topUntil(call.session, numbers, { ...call, isKept: true })) {
    const key = keys.get(number);
    const size = sizes.get(number);
    if (!key || refused?.code === "message-gone") continue;
    headers.push(keptHeader(key, size === undefined ? null : header, size ?? 0));
  }
  return headers;
}
