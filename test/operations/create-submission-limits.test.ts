import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import { openReplyHouse, type ReplyHouse } from "./reply-house.ts";

let house: ReplyHouse;
beforeEach(async () => {
  house = await openReplyHouse({ maxMessage: 3_000_000 });
});
afterEach(() => house.close());

const to = [{ name: "", email: "bob@example.org" }];
const refusal = (input: Partial<SubmissionInput>) =>
  house.create({ to, text: "x", ...input }).then(
    () => null,
    (error: unknown) => (error instanceof Failure ? error : null),
  );
const person = (email: string) => ({ name: "", email });

describe("what the server announced is looked at before", () => {
  test.each([
    ["short", 1_000],
    ["long", 1_500_000],
  ])("SIZE, for a %s message", async (_, size) => {
    house.announce({ size });
    expect(await refusal({ text: "x".repeat(size) })).toMatchObject({
      code: "message-too-large",
      details: { extra: { limit: size } },
    });
    expect(await house.submissions(house.account)).toEqual([]);
    expect(await house.strays()).toBe(0);
    expect(await refusal({ text: "x".repeat(size / 2) })).toBeNull();
  });

  test("our own limit, where that is smaller", async () => {
    house.announce({ size: 100_000_000 });
    expect(await refusal({ text: "x".repeat(3_000_000) })).toMatchObject({ details: { extra: { limit: 3_000_000 } } });
  });

  test.each<[string, Partial<SubmissionInput>]>([
    ["/from/email", { from: person("j\u00f6rg@example.org") }],
    ["/to/0/email", { to: [person("j\u00f6rg@example.org")] }],
    ["/bcc/1/email", { bcc: [person("a@example.org"), person("j\u00f6rg@example.org")] }],
    ["/envelope/from", { envelope: { from: "j\u00f6rg@example.org" } }],
    ["/envelope/to/1", { envelope: { to: ["a@example.org", "j\u00f6rg@example.org"] } }],
    ["", { replyTo: [person("j\u00f6rg@example.org")] }],
  ])("SMTPUTF8, for %s", async (pointer, input) => {
    expect(await refusal(input)).toBeNull();
    house.announce({ smtpUtf8: false });
    expect(await refusal(input)).toMatchObject({ code: "unsupported-by-server", details: { errors: [{ pointer }] } });
  });

  test("a domain that is not ASCII, and words that are not, need nothing", async () => {
    house.announce({ smtpUtf8: false, eightBitMime: false });
    const input = { to: [{ name: "J\u00f6rg", email: "j@b\u00fccher.example" }], subject: "\u00fc", text: "\u00fc" };
    expect(await refusal(input)).toBeNull();
  });
});

describe("uploads", () => {
  async function upload(octets: Buffer, size = octets.length): Promise<string> {
    const now = house.clock.now();
    const { account, store } = house;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield octets;
    }
    await store.blobs.write("blb_1", account.id, chunks(), now);
    const id = "upl_0c8jv4h2m9q6s1t7r3n5k8p0ba";
    const facts = { filename: "a.bin", contentType: "a/b", size, createdAt: now, expiresAt: now + 60_000 };
    await store.uploads.insert({ id, appId: account.appId, accountId: account.id, blobId: "blb_1", ...facts });
    return id;
  }

  test("become attachments, as often as they are named", async () => {
    const octets = Buffer.alloc(700_000, 7);
    const uploadId = await upload(octets);
    const { id } = await house.create({ to, attachments: [{ uploadId }, { uploadId, filename: "b.bin" }] });
    const raw = (await house.built(id)).toString("latin1");
    expect(raw).toContain("filename=a.bin");
    expect(raw).toContain("filename=b.bin");
    expect(raw.replace(/\r\n/g, "").split(octets.toString("base64")).length).toBe(3);
  });

  test("that are cut make no message", async () => {
    const uploadId = await upload(Buffer.alloc(1_000, 7), 1_001);
    expect(await refusal({ attachments: [{ uploadId }] })).toMatchObject({ code: "internal" });
    expect(await house.submissions(house.account)).toEqual([]);
  });

  test("that have expired, or are another account's, are not there", async () => {
    const uploadId = await upload(Buffer.from("x"));
    const other = await house.newAccount({ name: null });
    await expect(house.create({ to, attachments: [{ uploadId }] }, other)).rejects.toMatchObject({
      details: { errors: [{ pointer: "/attachments/0/uploadId", code: "not-found" }] },
    });
    await house.clock.advance(60_001);
    expect(await refusal({ attachments: [{ uploadId }] })).toMatchObject({ code: "validation-failed" });
  });
});
