import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import { createRawSubmission } from "../../src/operations/create-raw-submission.ts";
import { createSubmission } from "../../src/operations/create-submission.ts";
import { createUpload } from "../../src/operations/create-upload.ts";
import { bare, openReplyHouse, type ReplyHouse } from "./reply-house.ts";
import { cut } from "./sending-house.ts";

const day = 86_400_000;
let house: ReplyHouse;
let create: ReturnType<typeof createSubmission>;
beforeEach(async () => {
  house = await openReplyHouse();
  create = createSubmission(house.needs);
});
afterEach(() => house.close());

const to = [{ name: "", email: "bob@example.org" }];
const original = [
  "From: Bob <bob@example.org>",
  "To: alice@example.org",
  "Subject: Lunch",
  "Message-ID: <1@example.org>",
  "MIME-Version: 1.0",
  'Content-Type: multipart/mixed; boundary="b"',
  "",
  "--b",
  "Content-Type: text/plain",
  "",
  "Hello",
  "--b",
  "Content-Type: application/pdf; name=a.pdf",
  "Content-Disposition: attachment; filename=a.pdf",
  "",
  "octets",
  "--b--",
  "",
];
const send = (input: Partial<SubmissionInput>, idempotencyKey = "k", signal?: AbortSignal) =>
  create(house.caller, house.account.id, { ...bare, ...input }, { idempotencyKey, waitSeconds: 0, signal });
const upload = async (): Promise<string> => {
  const read = () => cut(Buffer.from("octets"), 3);
  const asked = { filename: "a.bin", contentType: null, read };
  return (await createUpload(house.needs)(house.caller, house.account.id, asked)).id;
};

describe("the first answer is given again", () => {
  test("when the original and the attachments that were referred to are gone", async () => {
    const inReplyTo = house.put(original);
    const input = {
      inReplyTo,
      attachments: [{ messageId: inReplyTo, attachmentId: "att_2" }, { uploadId: await upload() }],
    };
    const first = await send(input);
    house.remove();
    await house.clock.advance(2 * day);
    await house.store.uploads.sweep(house.clock.now());
    const gets = house.seen.gets;
    expect(await send(input)).toEqual({ ...first, replayed: true });
    expect(house.seen.gets).toBe(gets);
  });

  test("when sendAt and deliverBefore have passed", async () => {
    const input = { to, sendAt: "2026-11-22T13:00:00Z", deliverBefore: "2026-11-22T14:00:00Z" };
    const first = await send(input);
    await house.clock.advance(2 * day);
    expect(await send(input)).toEqual({ ...first, replayed: true });
  });

  test("when the account is paused, or sends no more", async () => {
    const first = await send({ to });
    const { account } = house;
    await house.store.accounts.update({ ...account, state: "paused", outgoing: null }, account.version);
    expect(await send({ to })).toEqual({ ...first, replayed: true });
  });

  test("to a hundred at once, whatever is read meanwhile", async () => {
    const messageId = house.put(original);
    const input = { to, attachments: [{ messageId, attachmentId: "att_2" }] };
    const all = await Promise.all(Array.from({ length: 100 }, () => send(input)));
    expect(new Set(all.map(({ submission }) => submission.id)).size).toBe(1);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(house.seen).toMatchObject({ gets: 1, open: 0 });
    expect(house.seen.opened).toEqual(["2"]);
    expect(await house.strays()).toBe(0);
  });
});

test("a key is one of its account and of its route", async () => {
  const first = await send({ to });
  const message = Buffer.from("From: alice@example.org\r\nTo: bob@example.org\r\n\r\nx\r\n");
  const raw = await createRawSubmission(house.needs)(
    house.caller,
    house.account.id,
    {},
    { announced: null, read: () => cut(message, 7) },
    { idempotencyKey: "k", waitSeconds: 0 },
  );
  expect(raw).toMatchObject({ replayed: false });
  expect(raw.submission.id).not.toBe(first.submission.id);
});

test("who waits for a request whose caller leaves gets a message all the same, and no session stays lent", async () => {
  const messageId = house.put(original);
  const input = { to, attachments: [{ messageId, attachmentId: "att_2" }] };
  const leaving = new AbortController();
  const left = send(input, "k", leaving.signal).catch((error: unknown) => error);
  const others = [send(input), send(input)];
  leaving.abort();
  await left;
  const [one, other] = await Promise.all(others);
  expect(one?.submission.id).toBe(other?.submission.id);
  expect(await house.submissions(house.account)).toHaveLength(1);
  await expect.poll(() => house.seen.open).toBe(0);
  expect(await house.strays()).toBe(0);
});
