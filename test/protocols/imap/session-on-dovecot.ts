import type { Dovecot } from "../../servers/dovecot.ts";
import type { User } from "../../servers/mailboxes.ts";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import type { Clock, Log } from "../../../src/observe.ts";
import { failureOf as wholeFailureOf } from "../failure-of.ts";
import { createKnownMessages } from "../../../src/protocols/imap/known-messages.ts";
import { type OpenImap, openImap } from "../../../src/protocols/imap/open-imap.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

export const quiet: Log = { write() {} };

/** What opens a session on a loopback server, with the name that its certificate is for. */
export function target(
  user: User,
  port: number,
  options: { ca?: string | null; security?: "tls" | "starttls" | "none"; servername?: string } = {},
): OpenImap {
  const { ca = null, security = "tls", servername = "localhost" } = options;
  return {
    login: { host: servername, port, security, tls: { ca, servername: null }, ...user },
    admitted: { address: "127.0.0.1", port, servername },
    log: quiet,
    clock: systemClock,
    known: createKnownMessages(1_000_000).of("this account", "this login"),
  };
}

/** A session on a Dovecot over IMAPS; close it when done. */
export function openOn(dovecot: Dovecot, user: User, port = dovecot.ports.imaps): Promise<Mailbox<ImapPlace>> {
  return openImap(target(user, port, { ca: dovecot.ca }));
}

/** What a promise fails with, in short; fails the test when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<{ code: string; upstream: unknown; text: string }> {
  const { code, details, message } = await wholeFailureOf(promise);
  return { code, upstream: details.upstream, text: message };
}
