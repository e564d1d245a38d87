import type { Listing, Mailbox } from "../../../src/mail/mailbox.ts";
import { maildropKeyText } from "../../../src/mail/maildrop.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { type Clock, systemClock } from "../../../src/observe.ts";
import { openMaildrop } from "../../../src/protocols/pop3/open-maildrop.ts";
import { keptInMemory } from "./kept-maildrop.ts";
import { type Dialog, type Hurried, type Message, type Scripted, startScripted, target } from "./scripted-pop3.ts";

export const page = { limit: 50, after: null };

/** Scripted servers, what is kept of their maildrops, and mailboxes on them, to be ended together. */
export function makeMaildropBench() {
  const servers: Scripted[] = [];
  const mailboxes: Mailbox<MaildropPlace>[] = [];
  return {
    async serve(dialog: Dialog = {}) {
      const server = await startScripted(dialog);
      servers.push(server);
      const kept = keptInMemory();
      const logged: string[] = [];
      const log = { write: (_: unknown, event: string) => void logged.push(event) };
      /** A new login. A clock that is to hurry does so from then on. */
      const open = async (clock: Clock | Hurried = systemClock): Promise<Mailbox<MaildropPlace>> => {
        const mailbox = await openMaildrop({ ...target(server.port, {}, clock), kept, log });
        mailboxes.push(mailbox);
        if ("hurry" in clock) clock.hurry();
        return mailbox;
      };
      /** What a call on a new login asks the server, from the login on. */
      const asked = async (call: (mailbox: Mailbox<MaildropPlace>) => Promise<unknown>): Promise<string[]> => {
        const mailbox = await open();
        const before = server.heard.length;
        await call(mailbox);
        return server.heard.slice(before);
      };
      return { server, kept, logged, open, asked };
    },
    async end() {
      await Promise.all(mailboxes.splice(0).map((mailbox) => mailbox.close()));
      await Promise.all(servers.splice(0).map((server) => server.stop()));
    },
  };
}

export type MaildropBench = Awaited<ReturnType<ReturnType<typeof makeMaildropBench>["serve"]>>;

/** `count` messages with unique-ids u1, u2, …, oldest first; message n came n minutes after the start of 2026. */
export function makeMessages(count: number, change: (number: number) => string[] = () => []): Message[] {
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const date = new Date(Date.UTC(2026, 0, 1, 0, number)).toUTCString();
    const header = [
      `Received: from a.test by b.test with ESMTP id ${number}; ${date}`,
      "Received: from nowhere by a.test; Mon, 1 Jan 2001 00:00:00 +0000",
      `From: =?utf-8?q?J=C3=BCrgen_${number}?= <j${number}@a.test>`,
      `Subject: message ${number}`,
      `Message-ID: <${number}@a.test>`,
      ...change(number),
    ];
    return { uid: `u${number}`, raw: `${header.join("\r\n")}\r\n\r\nbody ${number}\r\n` };
  });
}

export function textsOf({ messages }: Pick<Listing<MaildropPlace>, "messages">): string[] {
  return messages.map(({ place }) => maildropKeyText(place.key));
}

export function subjectsOf({ messages }: Pick<Listing<MaildropPlace>, "messages">): string[] {
  return messages.map(({ envelope }) => envelope.subject);
}

export function placeOf(value: string, kind: "uidl" | "fingerprint" = "uidl"): MaildropPlace {
  return { path: "INBOX", key: { kind, value } };
}
