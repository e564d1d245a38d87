import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";
import {
  arrivedIn,
  type Listed,
  messagesOf,
  octetsOf,
  type Problem,
  refused,
  send,
  submitted,
  to,
  untilSubmission,
} from "./submissions.ts";
import { eventsOf, until, untilLooked } from "./watching.ts";
import { good } from "./webhooks.ts";

let stack: MailStack;
let api: Api;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 500, maildrop: 500 } });
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

type Person = User & { path: string };

async function person(): Promise<Person> {
  const user = stack.dovecot.user();
  return { ...user, path: await storeAccount(api, { ...accountOn(stack, user), saveToSent: "never" }) };
}

/** A raw message in the account's inbox, as the API lists it. */
async function given({ path }: Person, ...lines: string[]): Promise<Listed> {
  const response = await fetch(`${api.url}${path}/messages?folder=inbox`, {
    method: "POST",
    headers: { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": "message/rfc822" },
    body: lines.join("\r\n"),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Listed;
}

type Whole = Listed & { inReplyTo: string | null; references: string[]; text: string; html: string };

const whole = (path: string, { id }: { id: string }): Promise<Whole> =>
  good(api.call<Whole>("GET", `${path}/messages/${id}`));

const original = (me: Person, others: { from: string; more?: string[] }): string[] => [
  `From: Ann Archer <${others.from}>`,
  `To: ${me.username}, carl@postern.test`,
  "Cc: dora@postern.test",
  "Subject: The plan",
  "Date: Mon, 23 Nov 2026 07:05:00 +0000",
  "Message-ID: <third@postern.test>",
  "In-Reply-To: <second@postern.test>",
  "References: <first@postern.test> <second@postern.test>",
  ...(others.more ?? []),
];

test("a reply goes to who wrote, keeps the thread, quotes what is asked for, and the original is answered", async () => {
  const [me, ann] = [await person(), await person()];
  const asked = await given(me, ...original(me, { from: ann.username }), "", "Shall we?", "", "Ann", "");
  await untilLooked(api, me.path);
  const answer = { inReplyTo: asked.id, text: "Yes.\n", html: "<p>Yes.</p>", quote: true };
  const sent = await submitted(api, me.path, answer);
  expect(sent).toMatchObject({ state: "sent", inReplyTo: asked.id, action: "reply", subject: "Re: The plan" });
  expect(sent.envelope).toEqual({ from: me.username, to: [ann.username] });

  const arrived = await arrivedIn(api, ann.path);
  const read = await whole(ann.path, arrived);
  expect(read).toMatchObject({
    subject: "Re: The plan",
    messageId: sent.messageId,
    inReplyTo: "<third@postern.test>",
    references: ["<first@postern.test>", "<second@postern.test>", "<third@postern.test>"],
    to: [{ name: "Ann Archer", email: ann.username }],
    cc: [],
  });
  expect(read.text.replaceAll("\r", "")).toMatch(
    /^Yes\.\n[^]*On 2026-11-23 07:05 UTC, Ann Archer wrote:\n\n> Shall we\?\n>\n> Ann/,
  );
  expect(read.html).toMatch(/<p>Yes\.<\/p>[^]*<blockquote/);

  const told = await until(
    async () => (await eventsOf(api, me.path)).filter(({ type }) => type === "message.updated"),
    (all) => all.length > 0,
  );
  expect(told.map(({ data }) => [data.id, data.actor, data.flags?.["answered"]])).toEqual([[asked.id, "api", true]]);
  const [listed] = await messagesOf(api, me.path);
  expect(listed?.flags).toMatchObject({ answered: true });
});

test("replyAll goes to everybody but oneself; what is named goes before the original", async () => {
  const [me, ann] = [await person(), await person()];
  const asked = await given(
    me,
    ...original(me, { from: "machine@postern.test", more: [`Reply-To: ${ann.username}, ${me.username}`] }),
    "",
    "Shall we?",
  );
  const all = await submitted(api, me.path, { inReplyTo: asked.id, action: "replyAll", text: "Yes." });
  expect(all.envelope.to.toSorted()).toEqual([ann.username, "carl@postern.test", "dora@postern.test"].sort());
  const read = await whole(ann.path, await arrivedIn(api, ann.path));
  expect(read.to.map(({ email }) => email)).toEqual([ann.username]);
  expect(read.cc.map(({ email }) => email)).toEqual(["carl@postern.test", "dora@postern.test"]);
  expect(read.text).not.toContain("Shall we?");

  const named = { inReplyTo: asked.id, to: to(ann.username), subject: "Something else", text: "Hm." };
  const other = await submitted(api, me.path, named);
  expect(other).toMatchObject({ subject: "Something else", envelope: { to: [ann.username] } });
  const answers = await until(
    () => messagesOf(api, ann.path),
    (listed) => listed.length === 2,
  );
  for (const { id } of answers) expect((await whole(ann.path, { id })).inReplyTo).toBe("<third@postern.test>");
});

test("a forward takes the text and the attachments along, and the original is $Forwarded", async () => {
  const [me, ann] = [await person(), await person()];
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 7) % 256));
  const kept = await given(
    me,
    ...original(me, { from: "boss@postern.test" }),
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "See below.",
    "--b",
    'Content-Type: application/octet-stream; name="all bytes.bin"',
    'Content-Disposition: attachment; filename="all bytes.bin"',
    "Content-Transfer-Encoding: base64",
    "",
    ...(bytes.toString("base64").match(/.{1,76}/g) ?? []),
    "--b--",
    "",
  );
  const forward = { inReplyTo: kept.id, action: "forward", to: to(ann.username), text: "For you.", quote: true };
  const sent = await submitted(api, me.path, forward);
  expect(sent).toMatchObject({ state: "sent", subject: "Fwd: The plan", action: "forward" });
  const read = await whole(ann.path, await arrivedIn(api, ann.path));
  expect(read.text.replaceAll("\r", "")).toMatch(
    /^For you\.\n[^]*Forwarded message[^]*From: Ann Archer <boss@postern\.test[^]*Subject: The plan[^]*See below\./,
  );
  expect(read.inReplyTo).toBeNull();
  expect(read.attachments.map(({ filename }) => filename)).toEqual(["all bytes.bin"]);
  const path = `${ann.path}/messages/${read.id}/attachments/${read.attachments[0]?.id}`;
  expect((await octetsOf(api, path)).equals(bytes)).toBe(true);
  const flagged = await until(
    () => messagesOf(api, me.path),
    ([one]) => one?.keywords.length === 1,
  );
  expect(flagged[0]?.keywords).toEqual(["$Forwarded"]);

  const without = await submitted(api, me.path, { ...forward, includeAttachments: false });
  const bare = await until(
    () => messagesOf(api, ann.path),
    (all) => all.length === 2,
  );
  expect(bare.find(({ messageId }) => messageId === without.messageId)?.attachments).toEqual([]);
});

test("an original that is gone by then keeps nothing from being sent", async () => {
  const [me, ann] = [await person(), await person()];
  const asked = await given(me, ...original(me, { from: ann.username }), "", "Shall we?");
  const answer = { inReplyTo: asked.id, text: "Yes.", undoSeconds: 2 };
  const scheduled = await submitted(api, me.path, answer, { wait: 0 });
  const gone = await api.call("DELETE", `${me.path}/messages/${asked.id}?permanent=true`);
  expect(gone.status).toBe(204);
  const sent = await untilSubmission(api, scheduled, ({ state }) => state === "sent");
  expect(sent.warnings).toEqual([]);
  await arrivedIn(api, ann.path);
  const late = await send<Problem>(api, me.path, { inReplyTo: asked.id, text: "Yes." });
  expect(refused(late)).toEqual([410, "message-gone"]);
});

test("what can't be answered is refused", async () => {
  const [me, ann] = [await person(), await person()];
  const hers = await given(ann, ...original(ann, { from: me.username }), "", "Shall we?");
  const mine = await given(me, ...original(me, { from: ann.username }), "", "Shall we?");
  const cases: [object, [number, string]][] = [
    [{ inReplyTo: hers.id, text: "x" }, [404, "not-found"]],
    [{ inReplyTo: "msg_AAAA", text: "x" }, [404, "not-found"]],
    [{ inReplyTo: mine.id, action: "forward", text: "x" }, [422, "validation-failed"]],
    [{ action: "reply", to: to(ann.username), text: "x" }, [422, "validation-failed"]],
    [{ quote: true, to: to(ann.username), text: "x" }, [422, "validation-failed"]],
  ];
  for (const [body, expected] of cases) {
    const answer = await send(api, me.path, body);
    expect([body, refused(answer)]).toEqual([body, expected]);
  }
});
