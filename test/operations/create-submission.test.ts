import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import { fingerprint } from "../../src/operations/fingerprint.ts";
import { getSubmission } from "../../src/operations/get-submission.ts";
import { listSubmissions } from "../../src/operations/list-submissions.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { hello, octetsIn, openOutbox, type Outbox } from "../background/outbox.ts";

let outbox: Outbox;
let account: AccountRow;
beforeEach(async () => {
  outbox = await openOutbox({ maxMessage: 100_000 });
  account = await outbox.account({});
});
afterEach(() => outbox.close());

const once = { idempotencyKey: "key-a", waitSeconds: 0 };
const create = (change: Partial<SubmissionInput> = {}, options: Partial<typeof once> = {}) =>
  outbox.create(outbox.caller, account.id, { ...hello, ...change }, { ...once, ...options });
const stored = () => outbox.store().submissions.list(account.id, { before: null, limit: 200 });
const person = (email: string, name = "") => ({ name, email });

async function message(id: string): Promise<string> {
  const { blobId } = await outbox.row(account, id);
  return (await octetsIn(outbox.store().blobs.read(blobId ?? ""))).toString("utf8");
}

describe("accepting", () => {
  test("puts the message and the promise on disk before it resolves", async () => {
    const { submission, final, replayed } = await create({
      cc: [person("carol@example.org", "Carol")],
      bcc: [person("dave@example.org")],
      html: "<p>Hello</p>",
      headers: [{ name: "X-Ticket", value: "4711" }],
      attachments: [
        { filename: "ü.txt", contentType: "text/plain", content: Buffer.from("attached").toString("base64") },
      ],
      metadata: { order: "1" },
    });
    expect({ final, replayed }).toEqual({ final: false, replayed: false });
    expect(submission).toMatchObject({
      accountId: account.id,
      state: "queued",
      messageId: expect.stringMatching(/^<[0-9a-f]{32}@example\.org>$/),
      subject: "Hello",
      envelope: { from: "alice@example.org", to: ["bob@example.org", "carol@example.org", "dave@example.org"] },
      attempts: 0,
      sendAt: null,
      nextAttemptAt: "2026-11-22T12:00:00.000Z",
      deliverBefore: "2026-11-25T12:00:00.000Z",
      metadata: { order: "1" },
      warnings: [],
    });
    expect(submission.recipients.map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);
    await outbox.restart();
    const mail = await message(submission.id);
    expect(mail.length).toBe(submission.size);
    expect(mail).toContain("From: Alice <alice@example.org>\r\n");
    expect(mail).toContain("X-Ticket: 4711\r\n");
    expect(mail).toContain(`Message-ID: ${submission.messageId}\r\n`);
    expect(mail).not.toMatch(/dave|^bcc/im);
  });

  test("takes from and sendAt from the request", async () => {
    const { submission } = await create({
      from: person("sales@bücher.example", "Sales"),
      sendAt: "2026-12-01T09:00:00+01:00",
      deliverBefore: "2026-12-01T12:00:00Z",
    });
    expect(submission).toMatchObject({
      state: "scheduled",
      messageId: expect.stringMatching(/@xn--bcher-kva\.example>$/),
      envelope: { from: "sales@bücher.example" },
      sendAt: "2026-12-01T08:00:00.000Z",
      deliverBefore: "2026-12-01T12:00:00.000Z",
      nextAttemptAt: "2026-12-01T08:00:00.000Z",
    });
    expect(await message(submission.id)).toContain("\r\nDate: Tue, 01 Dec 2026 08:00:00 +0000\r\n");
  });

  test("mails each recipient once", async () => {
    const { submission } = await create({
      to: [person("bob@example.org"), person("bob@EXAMPLE.org"), person("x@bücher.example")],
      bcc: [person("bob@example.org"), person("Bob@example.org"), person("x@xn--bcher-kva.example")],
    });
    expect(submission.envelope.to).toHaveLength(3);
    expect(submission.recipients).toHaveLength(3);
  });

  test("wakes the outbox", async () => {
    const woken = outbox.wake.wait("submissions", account.id, 1000);
    await create();
    expect(await woken).toBe(true);
  });
});

describe("Idempotency-Key", () => {
  test("the same again answers the first answer, and sends nothing twice", async () => {
    const first = await create();
    await outbox.clock.advance(1000);
    const second = await create();
    expect(second).toEqual({ ...first, replayed: true });
    expect(await stored()).toHaveLength(1);
  });

  test("a hundred at once make one message, also in two processes", async () => {
    const other = outbox.accepting();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? create() : other(outbox.caller, account.id, hello, once))),
    );
    expect(new Set(answers.map(({ submission }) => submission.id)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await stored()).toHaveLength(1);
  });

  test("outlives a restart", async () => {
    const first = await create();
    await outbox.restart();
    expect(await create()).toEqual({ ...first, replayed: true });
  });

  test("with another body is refused", async () => {
    await create();
    await expect(create({ subject: "Other" })).rejects.toMatchObject({ code: "idempotency-key-reused" });
    const both = await Promise.allSettled([
      create({}, { idempotencyKey: "key-b" }),
      create({ subject: "Other" }, { idempotencyKey: "key-b" }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("is another one for another account", async () => {
    const first = await create();
    account = await outbox.account({});
    const second = await create();
    expect(second.replayed).toBe(false);
    expect(second.submission.id).not.toBe(first.submission.id);
  });

  test("is free again after a request that was refused", async () => {
    await expect(create({ to: [] })).rejects.toMatchObject({ code: "validation-failed" });
    expect((await create()).replayed).toBe(false);
  });
});

describe("options", () => {
  test("undoSeconds leaves time", async () => {
    const { submission } = await create({ undoSeconds: 10 });
    expect(submission).toMatchObject({ state: "scheduled", sendAt: "2026-11-22T12:00:10.000Z" });
  });

  test("the envelope says who gets it, and who is told of failures", async () => {
    const envelope = { from: "bounces@example.org", to: ["x@example.org", "X@example.org", "x@EXAMPLE.org"] };
    const { submission } = await create({ envelope, cc: [person("carol@example.org")] });
    expect(submission.envelope).toEqual({ from: "bounces@example.org", to: ["x@EXAMPLE.org", "X@example.org"] });
    const mail = await message(submission.id);
    expect(mail).toContain("From: Alice <alice@example.org>\r\n");
    expect(mail).toMatch(/^To: .*bob@example\.org[^]*^Cc: carol@example\.org/m);
  });

  test("saveToSent is the account's own where nothing is said", async () => {
    expect((await create()).submission).toMatchObject({ saveToSent: "never", sentCopy: null });
    expect((await create({ saveToSent: "always" }, { idempotencyKey: "b" })).submission.saveToSent).toBe("always");
  });

  test("a calendar stands beside the text", async () => {
    const calendar = { method: "REQUEST", content: "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n" } as const;
    const mail = await message((await create({ calendar })).submission.id);
    expect(mail).toMatch(/multipart\/alternative[^]*text\/calendar; charset=utf-8; method=REQUEST/);
    expect(mail).toContain("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR");
  });

  test("a long message is stored in pieces, a short one in the same write", async () => {
    await outbox.close();
    outbox = await openOutbox();
    account = await outbox.account({});
    const content = Buffer.alloc(2_000_000, 7);
    const attachments = [{ filename: "a", contentType: "a/b", content: content.toString("base64") }];
    const { submission } = await create({ attachments });
    expect((await message(submission.id)).length).toBe(submission.size);
    expect(submission.size).toBeGreaterThan(2_600_000);
  });
});

describe("refuses, and stores nothing", () => {
  const eol = "x\r\nBcc: evil@example.org";

  test("what is not fit for a header or an envelope", async () => {
    const request = create({ to: [person("bob@example.org\r\nRCPT TO:<evil@example.org>")], subject: eol });
    await expect(request).rejects.toMatchObject({
      code: "validation-failed",
      details: { errors: [{ pointer: "/to/0/email" }, { pointer: "/subject" }] },
    });
    expect(await stored()).toEqual([]);
  });

  test("a message that is too large, and keeps no part of it", async () => {
    await expect(create({ text: "x".repeat(100_001) })).rejects.toMatchObject({ code: "message-too-large" });
    expect(await stored()).toEqual([]);
  });

  test("an account without an outgoing server, a paused one, another's", async () => {
    const options = { ...once };
    const silent = await outbox.account(null);
    await expect(outbox.create(outbox.caller, silent.id, hello, options)).rejects.toMatchObject({
      code: "no-outgoing",
    });
    const paused = await outbox.account({}, { state: "paused" });
    await expect(outbox.create(outbox.caller, paused.id, hello, options)).rejects.toMatchObject({
      code: "account-paused",
    });
    const foreign = { ...outbox.caller, appId: "app_other" };
    await expect(outbox.create(foreign, account.id, hello, options)).rejects.toMatchObject({ code: "not-found" });
    const bound = { ...outbox.caller, accountIds: [silent.id] };
    await expect(outbox.create(bound, account.id, hello, options)).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("waiting", () => {
  test("answers when the end is written", async () => {
    const waiting = create({}, { waitSeconds: 60 });
    const { submissions } = outbox.store();
    const how = { owner: "worker", now: outbox.clock.now(), leaseMs: 20_000, limit: 1, only: "due" } as const;
    const [claim] = await until(() => submissions.claim(account.id, how));
    const { submission: row, epoch } = claim;
    const { id } = row;
    const recipients = row.recipients.map((recipient) => ({ ...recipient, state: "accepted" as const }));
    const outcome = { ...row, state: "sent" as const, recipients, nextAttemptAt: null, finishedAt: how.now };
    expect(await submissions.settle([{ id, epoch, outcome, event: null }])).toEqual([id]);
    outbox.wake.wake("submission-final", id);
    expect(await waiting).toMatchObject({ final: true, replayed: false, submission: { id, state: "sent" } });
    expect(await create({}, { waitSeconds: 60 })).toMatchObject({ final: true, replayed: true });
    expect(await create()).toMatchObject({ final: false, replayed: true, submission: { id, state: "queued" } });
  });

  test("answers what is known when the time is over", async () => {
    const waiting = create({}, { waitSeconds: 5 });
    await until(stored);
    for (let n = 0; n < 20; n++) {
      await outbox.clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await waiting).toMatchObject({ final: false, submission: { state: "queued" } });
  });

  test("does not wait for what is not due in that time", async () => {
    const { final } = await create({ sendAt: "2026-11-23T12:00:00Z" }, { waitSeconds: 60 });
    expect(final).toBe(false);
  });
});

/** Asks until there is something. */
async function until<T>(ask: () => Promise<T[]>): Promise<[T, ...T[]]> {
  for (;;) {
    const [first, ...rest] = await ask();
    if (first !== undefined) return [first, ...rest];
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("reading", () => {
  test("one, and all of an account newest first, page by page", async () => {
    const needs = { ...outbox.store(), cursorKey: Buffer.alloc(32, 1) };
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      await outbox.clock.advance(1);
      ids.push((await create({ subject: `no. ${n}` }, { idempotencyKey: `key-${n}` })).submission.id);
    }
    expect(await getSubmission(needs)(outbox.caller, account.id, ids[2] ?? "")).toMatchObject({ subject: "no. 2" });
    const list = listSubmissions(needs);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(outbox.caller, account.id, { limit: 2, cursor });
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids.reverse());
  });

  test("nothing of another account or app", async () => {
    const needs = { ...outbox.store(), cursorKey: Buffer.alloc(32, 1) };
    const { submission } = await create();
    const other = await outbox.account({});
    await expect(getSubmission(needs)(outbox.caller, other.id, submission.id)).rejects.toMatchObject({
      code: "not-found",
    });
    const foreign = { ...outbox.caller, appId: "app_other" };
    await expect(getSubmission(needs)(foreign, account.id, submission.id)).rejects.toMatchObject({ code: "not-found" });
    await expect(listSubmissions(needs)(foreign, account.id, { limit: 10 })).rejects.toMatchObject({
      code: "not-found",
    });
    expect((await listSubmissions(needs)(outbox.caller, other.id, { limit: 10 })).data).toEqual([]);
  });
});

describe("fingerprint", () => {
  test("is the same for the same JSON and different for any other", () => {
    expect(fingerprint({ a: 1, b: ["x", null], c: undefined })).toBe(fingerprint({ b: ["x", null], a: 1 }));
    const others = [
      { a: 1 },
      { a: "1" },
      { a: [1] },
      { a: null },
      {},
      [],
      { a: "", b: "" },
      { a: '"1:b' },
      ["a", 1],
      true,
    ];
    expect(new Set(others.map(fingerprint)).size).toBe(others.length);
  });
});
