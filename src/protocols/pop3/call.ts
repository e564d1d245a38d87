import { Failure } from "../../errors.ts";
import type { KeptMaildrop } from "../../mail/maildrop.ts";
import { maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import type { Clock, Log } from "../../observe.ts";
import type { Maildrop } from "./maildrop.ts";
import type { Pop3Session } from "./open-pop3.ts";

/** The one folder of a maildrop. */
export const inbox = "INBOX";

/** What a call of the mailbox works with. */
export type Call = {
  session: Pop3Session;
  maildrop: Maildrop;
  kept: KeptMaildrop;
  clock: Clock;
  log: Log;
  /** When to give up, milliseconds. */
  until: number;
};

/** Fails `not-found` for any folder but the one there is. */
export function assertInbox(path: string): void {
  if (path !== inbox) throw new Failure("not-found", "A POP3 mailbox has one folder, its inbox, and not this one.");
}

/** The message's number in this session. Fails `message-gone`. */
export async function numberOf({ maildrop, until }: Call, { path, key }: MaildropPlace): Promise<number> {
  assertInbox(path);
  const text = maildropKeyText(key);
  const number = (await maildrop.find([text], until)).get(text);
  if (number === undefined) throw messageGone();
  return number;
}

/** Which of the places are there, by their numbers, each once, and which are not. */
export async function sortPlaces(
  { maildrop, until }: Call,
  places: MaildropPlace[],
): Promise<{ there: Map<number, MaildropPlace>; missing: MaildropPlace[] }> {
  const textOf = ({ key }: MaildropPlace): string => maildropKeyText(key);
  const inside = places.filter(({ path }) => path === inbox);
  const numbers = await maildrop.find(inside.map(textOf), until);
  const numberAt = (place: MaildropPlace) => (place.path === inbox ? numbers.get(textOf(place)) : undefined);
  const there = new Map<number, MaildropPlace>();
  for (const place of places) {
    const number = numberAt(place);
    if (number !== undefined) there.set(number, place);
  }
  return { there, missing: places.filter((place) => numberAt(place) === undefined) };
}

export function messageGone(): Failure {
  return new Failure("message-gone", "The message is no longer where it was.");
}

/** Lets others have a turn: what is kept is read and searched on the one thread there is. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Runs what only saves time later on; when the database fails it is noted, and no more. */
export async function bestEffort<T>(
  { log, session }: Pick<Call, "log" | "session">,
  work: Promise<T>,
): Promise<T | null> {
  return work.catch((error: unknown) => {
    const code = error instanceof Failure ? error.code : "internal";
    log.write("warn", "maildrop.not_kept", { host: session.host, code });
    return null;
  });
}
