import { Failure, invalid } from "../../errors.ts";
import type { MaildropPosition, Page } from "../../mail/mailbox.ts";
import { maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import type { Call } from "./call.ts";
import { unlessLate } from "./top-until.ts";

/** Of how many messages behind a page its cursor knows the names. */
const namedBehind = 4;

export function assertPage({ limit }: Page<MaildropPlace>): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return;
  throw invalid("?limit", "out-of-range", "limit is a whole number from 1 on.");
}

/**
 * The messages that a page may tell, in its order. Where the last message of the page before is gone, it goes on at the first
 * of those that stood behind it: a number may be another message's by now. Fails `cursor-expired` where all are gone.
 */
export async function candidatesOf(call: Call, { after, order }: Page<MaildropPlace>): Promise<number[]> {
  const { numbers } = call.maildrop;
  const inOrder = order === "oldest" ? [...numbers] : numbers.toReversed();
  return after === null ? inOrder : inOrder.slice(await goOnAt(call, after, inOrder));
}

async function goOnAt({ maildrop, until }: Call, { key, below }: MaildropPosition, inOrder: number[]): Promise<number> {
  const last = (await maildrop.find([key], until)).get(key);
  if (last !== undefined) return inOrder.indexOf(last) + 1;
  for (const text of below) {
    const first = (await maildrop.find([text], until)).get(text);
    if (first !== undefined) return inOrder.indexOf(first);
  }
  throw new Failure(
    "cursor-expired",
    "The messages where the cursor goes on are gone, and POP3 keeps no place for them.",
    {
      fix: "Start again without a cursor.",
    },
  );
}

/** Where the next page goes on behind the candidate at `index`; null where that turned out not to be there. */
export async function positionBehind(
  call: Call,
  candidates: number[],
  index: number,
): Promise<MaildropPosition | null> {
  const { maildrop, until } = call;
  const key = maildrop.keyOf(candidates[index] ?? 0);
  if (key === null) return null;
  const next = candidates.slice(index + 1, index + 1 + namedBehind);
  await maildrop.identify(next, until).catch(unlessLate(call));
  const below = next.map((number) => maildrop.keyOf(number)).filter((each) => each !== null);
  return { key: maildropKeyText(key), below: below.map(maildropKeyText) };
}
