import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { deliver } from "../../servers/maildir.ts";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import { ImapFlow } from "imapflow";
import { collect } from "../failure-of.ts";
import { failureOf, openOn } from "./session-on-dovecot.ts";

let dovecot: Dovecot;

beforeAll(async () => {
  dovecot = await startDovecot();
});
afterAll(() => dovecot.stop());

const body = randomBytes(1_500_000).toString("base64").replaceAll(/.{76}/g, "$&\n");
const raw = Buffer.from(`Subject: large\n\n${body}\n`.replaceAll("\n", "\r\n"));

type Scene = { mailbox: Mailbox<ImapPlace>; place: ImapPlace; other: ImapFlow };

/** A session of ours on a folder "Work" with one large message, and another client of the same user. */
async function scene(): Promise<Scene> {
  const user = dovecot.user();
  const other = new ImapFlow({
    host: dovecot.host,
    port: dovecot.ports.imap,
    secure: false,
    auth: { user: user.username, pass: user.password },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await other.connect();
  onTestFinished(() => other.logout().catch(() => {}));
  await other.mailboxCreate("Work");
  deliver(dovecot.maildir(user, "Work"), raw.toString("latin1").replaceAll("\r\n", "\n"));
  const mailbox = await openOn(dovecot, user);
  onTestFinished(() => mailbox.close());
  const [message] = (await mailbox.list("Work", { limit: 1, after: null })).messages;
  if (message === undefined) throw new Error("the folder is empty");
  return { mailbox, place: message.place, other };
}

/** Opens the message, reads its first piece, lets something happen, and reads on: the octets, or the code of the failure. */
async function interrupted({ mailbox, place }: Scene, meanwhile: () => Promise<unknown>): Promise<string> {
  const { stream } = await mailbox.openRaw(place);
  const iterator = stream[Symbol.asyncIterator]();
  const first = await iterator.next();
  await mailbox.unfinished;
  await meanwhile();
  const rest = { [Symbol.asyncIterator]: () => iterator };
  const read = collect(rest).then((octets) => {
    const whole = Buffer.concat([first.value ?? Buffer.alloc(0), octets]);
    return whole.equals(raw) ? "whole" : `short: ${whole.length} of ${raw.length}`;
  });
  return read.catch((error: { code: string }) => error.code);
}

const elsewhere = ({ mailbox }: Scene) => mailbox.list("INBOX", { limit: 1, after: null });

test("a stream goes on where it was after its session was used for another folder", async () => {
  const here = await scene();
  expect(await interrupted(here, () => elsewhere(here))).toBe("whole");
});

test("a message that is expunged in the middle of its download ends it as a failure or comes whole, and never short", async () => {
  for (const looksAway of [false, true]) {
    const here = await scene();
    const outcome = await interrupted(here, async () => {
      await here.other.mailboxOpen("Work");
      await here.other.messageDelete("1:*");
      if (looksAway) await elsewhere(here);
    });
    // What it has open Dovecot may serve to the end.
    expect(looksAway ? ["message-gone"] : ["message-gone", "whole"]).toContain(outcome);
    expect((await failureOf(here.mailbox.openRaw(here.place))).code).toBe("message-gone");
    expect(here.mailbox.dead).toBe(false);
  }
});

test("a folder that is renamed in the middle ends the download when the session must open it anew", async () => {
  const here = await scene();
  const outcome = await interrupted(here, async () => {
    await here.other.mailboxRename("Work", "Moved");
    await elsewhere(here);
  });
  expect(outcome).toBe("not-found");
});

test("a folder that was made anew under its name is another one", async () => {
  const here = await scene();
  const outcome = await interrupted(here, async () => {
    await here.other.mailboxRename("Work", "Moved");
    await here.other.mailboxCreate("Work");
    await elsewhere(here);
  });
  expect(outcome).toBe("message-gone");
});
