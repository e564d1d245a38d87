import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { SendingInput } from "../../src/mail/submission.ts";
import { createRawSubmission } from "../../src/operations/create-raw-submission.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { collect } from "../mime/random.ts";
import { cut, openSendingHouse, type SendingHouse } from "./sending-house.ts";

let house: SendingHouse;
let account: AccountRow;
let create: ReturnType<typeof createRawSubmission>;
beforeEach(async () => {
  house = await openSendingHouse({ maxMessage: 8_000_000 });
  account = await house.account();
  create = createRawSubmission(house.needs);
});
afterEach(() => house.close());

const head =
  "From: Ann <ann@example.com>\r\nTo: bob@example.org, Bob again <bob@EXAMPLE.ORG>\r\nCc: cat@example.org\r\n" +
  "Subject: =?utf-8?Q?caf=C3=A9?=\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <own@x>\r\n";
const message = `${head}Bcc: dan@example.org\r\n\r\nHello\r\n`;
/** Longer than what is written in the accepting atomic itself. */
const long = `${message}${"All work and no play.\r\n".repeat(60_000)}`;

type Asked = {
  raw?: string | Buffer;
  size?: number;
  breakOff?: () => never;
  announced?: number | null;
  input?: SendingInput;
  key?: string;
  waitSeconds?: number;
};

/** Posts the message in pieces of `size` octets. */
async function post({
  raw = message,
  size = 1000,
  breakOff,
  announced = null,
  input = {},
  key = "a",
  waitSeconds = 0,
}: Asked = {}) {
  const octets = typeof raw === "string" ? Buffer.from(raw, "latin1") : raw;
  const read = () => cut(octets, size, breakOff);
  return create(house.caller, account.id, input, { announced, read }, { idempotencyKey: key, waitSeconds });
}

async function stored(id: string): Promise<string> {
  const row = await house.store.submissions.get(account.id, id);
  return (await collect(house.store.blobs.read(row?.blobId ?? ""))).toString("latin1");
}

async function expectNothing(): Promise<void> {
  expect(await house.submissions(account)).toEqual([]);
  expect(await house.strays()).toBe(0);
}

describe("accepting", () => {
  test("keeps the message without Bcc, for all that the header names, each once", async () => {
    const woken = house.needs.wake.wait("submissions", account.id, 1000);
    const { submission, final, replayed } = await post();
    expect(await woken).toBe(true);
    expect({ final, replayed }).toEqual({ final: false, replayed: false });
    expect(submission).toMatchObject({
      accountId: account.id,
      state: "queued",
      messageId: "<own@x>",
      subject: "café",
      envelope: { from: "ann@example.com", to: ["bob@EXAMPLE.ORG", "cat@example.org", "dan@example.org"] },
      size: head.length + 9,
      deliverBefore: "2026-11-25T12:00:00.000Z",
      saveToSent: account.saveToSent,
      inReplyTo: null,
      metadata: {},
      warnings: [],
    });
    expect(await stored(submission.id)).toBe(`${head}\r\nHello\r\n`);
    const [row] = await house.submissions(account);
    expect(row).toMatchObject({
      route: "submissions.createRaw",
      needs: { eightBit: false, utf8: false },
      original: null,
    });
  });

  test("a long one is stored as it comes, and referred to", async () => {
    const { submission } = await post({ raw: long, size: 60_000 });
    expect(await house.strays()).toBe(0);
    expect(await stored(submission.id)).toBe(long.replace("Bcc: dan@example.org\r\n", ""));
  });

  test("the query says otherwise who sends it and who gets it, and when", async () => {
    const { submission } = await post({
      raw: "From: Ann <ann@example.com>, b@c.d\nTo: Bob\n\nHello",
      input: {
        envelope: { from: "bounces@example.com", to: ["eve@example.org", "fay@example.org", "eve@example.org"] },
        sendAt: "2026-12-01T09:00:00+01:00",
        deliverBefore: "2026-12-02T00:00:00Z",
        saveToSent: "never",
      },
    });
    expect(submission).toMatchObject({
      state: "scheduled",
      envelope: { from: "bounces@example.com", to: ["eve@example.org", "fay@example.org"] },
      sendAt: "2026-12-01T08:00:00.000Z",
      deliverBefore: "2026-12-02T00:00:00.000Z",
      saveToSent: "never",
    });
    expect(await stored(submission.id)).toMatch(
      /^From: Ann <ann@example.com>, b@c.d\r\nTo: Bob\r\nDate: Tue, 01 Dec 2026 08:00:00 \+0000\r\nMessage-ID: <[0-9a-f]{32}@example\.org>\r\n\r\nHello\r\n$/,
    );
    expect(await stored(submission.id)).toContain(`Message-ID: ${submission.messageId}\r\n`);
  });

  test("the sender is who sends it for the author", async () => {
    const { submission } = await post({ raw: `Sender: desk@example.com\r\n${message}` });
    expect(submission.envelope.from).toBe("desk@example.com");
  });

  test("undoSeconds puts it off", async () => {
    const { submission } = await post({ input: { undoSeconds: 30 } });
    expect(submission).toMatchObject({ state: "scheduled", sendAt: "2026-11-22T12:00:30.000Z" });
  });

  test.each([
    ["ASCII", message, { eightBit: false, utf8: false }],
    ["8 bits in the body", `${message}caf\xe9\r\n`, { eightBit: true, utf8: false }],
    ["8 bits at the end of a long body", `${long}\xe9`, { eightBit: true, utf8: false }],
    ["8 bits in the header", `X: caf\xc3\xa9\r\n${message}`, { eightBit: false, utf8: true }],
    ["8 bits in what is taken away", `Bcc: \xc3\xa9 <e@example.org>\r\n${message}`, { eightBit: false, utf8: false }],
  ])("knows what it asks of the server: %s", async (_, raw, needs) => {
    for (const size of [raw.length, 40_000]) await post({ raw, size, key: `of ${size}` });
    expect((await house.submissions(account)).map((row) => row.needs)).toEqual([needs, needs]);
  });

  test("warns of what may not arrive as it is", async () => {
    const { submission } = await post({ raw: `${message}${"x".repeat(999)}\r\n` });
    expect(submission.warnings).toEqual(["line-too-long"]);
  });

  test("tells as much of a subject as fits", async () => {
    const raw = message.replace(/^Subject:.*$/m, `Subject: ${"x".repeat(900)}\r\n ${"y".repeat(900)}\r`);
    expect((await post({ raw })).submission.subject).toHaveLength(998);
  });
});

describe("Idempotency-Key", () => {
  test("the same octets again, cut otherwise, answer the first answer", async () => {
    const first = await post({ raw: long, size: 60_000 });
    await house.clock.advance(1000);
    expect(await post({ raw: long, size: 7_001 })).toEqual({ ...first, replayed: true });
    expect(await house.submissions(account)).toHaveLength(1);
    expect(await house.strays()).toBe(0);
  });

  test("and so they do when the time to send it at is over", async () => {
    const input = { sendAt: "2026-11-22T12:01:00Z" };
    const first = await post({ input });
    await house.clock.advance(120_000);
    expect(await post({ input })).toEqual({ ...first, replayed: true });
  });

  test.each<[string, Asked]>([
    ["other octets", { raw: `${message}.` }],
    ["octets that only come to the same", { raw: message.replaceAll("\r\n", "\n") }],
    ["other recipients", { input: { envelope: { to: ["eve@example.org"] } } }],
    ["another time", { input: { undoSeconds: 10 } }],
    ["what can't be sent", { raw: "no message" }],
  ])("with %s is refused", async (_, other) => {
    await post();
    await expect(post(other)).rejects.toMatchObject({ code: "idempotency-key-reused" });
    expect(await house.submissions(account)).toHaveLength(1);
    expect(await house.strays()).toBe(0);
  });

  test("thirty at once make one message, also in two processes", async () => {
    const other = createRawSubmission(house.needs);
    const mine = create;
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => {
        create = n % 2 === 0 ? mine : other;
        return post({ size: 50 + n });
      }),
    );
    expect(new Set(answers.map(({ submission }) => submission.id)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await house.submissions(account)).toHaveLength(1);
  });

  test("at once with other octets makes one message, and one is refused", async () => {
    const other = createRawSubmission(house.needs);
    const mine = post({ raw: long });
    create = other;
    const both = await Promise.allSettled([mine, post({ raw: `${long}.` })]);
    const refused = both.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    expect(refused).toMatchObject([{ code: "idempotency-key-reused" }]);
    expect(await house.submissions(account)).toHaveLength(1);
  });

  test("is free again after a request that was refused", async () => {
    await expect(post({ raw: `${message}\0` })).rejects.toMatchObject({ code: "validation-failed" });
    expect((await post()).replayed).toBe(false);
  });

  test("is another one for a message that is built here", async () => {
    await post();
    const { appId, id } = account;
    expect(await house.store.submissions.byIdempotencyKey(appId, id, "submissions.create", "a")).toBeNull();
  });
});

describe("refuses, and keeps nothing", () => {
  test.each([
    ["a NUL in the body", `${message}\0`, "nul"],
    ["a NUL at the end of a long one", `${long}\0`, "nul"],
    ["a NUL in the header", `X: \0\r\n${message}`, "nul"],
    ["no From", "To: a@b.c\r\n\r\n", "from-missing"],
    ["no recipient", "From: a@b.c\r\n\r\n", "required"],
    ["a recipient without an address", `To: Bob\r\n${message}`, "address-unparseable"],
    ["an address that is none", `Bcc: <e@127.0.0.1>\r\n${message}`, "email-invalid"],
    ["a sender that is none", `Sender: e@-\r\n${message}`, "email-invalid"],
    [
      "1,001 recipients",
      `${head}Bcc: ${Array.from({ length: 999 }, (_, n) => `a${n}@b.c`).join(",\r\n ")}\r\n\r\n`,
      "too-many",
    ],
  ])("%s", async (_, raw, code) => {
    await expect(post({ raw, size: 50_000 })).rejects.toMatchObject({
      code: "validation-failed",
      details: { errors: [{ pointer: "", code }] },
    });
    await expectNothing();
  });

  test("what is wrong with the query, before one octet was read", async () => {
    const input = {
      envelope: { from: "ann\r\n@example.com", to: ["bob@example.org", "no address"] },
      sendAt: "2020-01-01T00:00:00Z",
    };
    const read = () => {
      throw new Error("read");
    };
    const unread = { announced: null, read: () => ({ [Symbol.asyncIterator]: read }) };
    const answer = create(house.caller, account.id, input, unread, { idempotencyKey: "a", waitSeconds: 0 });
    await expect(answer).rejects.toMatchObject({
      code: "validation-failed",
      details: { errors: [{ pointer: "?from" }, { pointer: "?to" }, { pointer: "?sendAt" }] },
    });
    await expectNothing();
  });

  test.each([10, 600, 700_000, 1_500_000])("what breaks off after %i octets", async (octets) => {
    const left = new Failure("request-timeout", "left");
    const breakOff = () => {
      throw left;
    };
    const raw = `${message.slice(0, 500)}${"x\r\n".repeat(600_000)}`.slice(0, octets);
    await expect(post({ raw, size: 30_000, breakOff })).rejects.toBe(left);
    await expectNothing();
  });

  test("more octets than a message may have, told or not", async () => {
    const raw = `${message}${"\n".repeat(4_500_000)}`;
    await expect(post({ raw, size: 60_000 })).rejects.toMatchObject({
      code: "message-too-large",
      details: { extra: { limit: 8_000_000 } },
    });
    await expectNothing();
  });

  test("more octets than the server takes: before they come where they were announced, else when they have", async () => {
    house.announce({ size: 100_000 });
    const raw = `${message}${"x\r\n".repeat(200_000)}`;
    let isRead = false;
    const read = async function* () {
      isRead = true;
      yield Buffer.from(raw);
    };
    const told = { announced: raw.length, read };
    const answer = create(house.caller, account.id, {}, told, { idempotencyKey: "a", waitSeconds: 0 });
    const refusal = { code: "message-too-large", details: { extra: { limit: 100_000 } } };
    await expect(answer).rejects.toMatchObject(refusal);
    expect(isRead).toBe(false);
    await expect(post({ raw, size: 60_000 })).rejects.toMatchObject(refusal);
    await expectNothing();
    expect(await post({ announced: 150_000 })).toMatchObject({ replayed: false });
  });

  test.each<[string, string, SendingInput, object]>([
    ["a header that is not ASCII", `X: caf\xc3\xa9\r\n${message}`, {}, { pointer: "", code: "no-smtputf8" }],
    [
      "an address that is not",
      message,
      { envelope: { to: ["é@example.org"] } },
      { pointer: "?to", code: "no-smtputf8" },
    ],
    ["a body with 8 bits", `${message}caf\xe9`, {}, { pointer: "", code: "no-8bitmime" }],
  ])("what the server can't take: %s", async (_, raw, input, error) => {
    house.announce({ smtpUtf8: false, eightBitMime: false });
    await expect(post({ raw, input, size: 60_000 })).rejects.toMatchObject({
      code: "unsupported-by-server",
      details: { errors: [error] },
    });
    await expectNothing();
  });

  test("accounts that can't send", async () => {
    account = await house.account({ outgoing: null });
    await expect(post()).rejects.toMatchObject({ code: "no-outgoing" });
    account = await house.account({ state: "paused" });
    await expect(post()).rejects.toMatchObject({ code: "account-paused" });
    account = { ...account, id: "acc_1" };
    await expect(post()).rejects.toMatchObject({ code: "not-found" });
  });
});

test("a message whose recipients can't be told is read no further, and left", async () => {
  let state = "reading";
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.from("From: ann@example.com\r\nTo: nobody\r\n\r\n");
      for (;;) yield Buffer.from("line\r\n".repeat(20_000));
    } finally {
      state = "left";
    }
  }
  const work = create(house.caller, account.id, {}, { announced: null, read }, { idempotencyKey: "a", waitSeconds: 0 });
  await expect(work).rejects.toMatchObject({ code: "validation-failed" });
  await expect.poll(() => state).toBe("left");
  await expectNothing();
});
