import { expect } from "vitest";
import { collect, failureOf } from "./failure-of.ts";
import { type Bench, type Need, newest } from "./mailbox-bench.ts";

const receivedAt = Date.UTC(2025, 4, 6, 7, 8, 9);
const message = Buffer.from("Message-ID: <stored@a.test>\r\nSubject: stored\r\n\r\nbody\r\n");

/** Storing a message that did not come by mail. */
export function storing({ it, filled, open, user: freshUser, path, lacks }: Bench): void {
  it("stores a message with flags and date, and tells where it lies", ["append"], async () => {
    const { mailbox } = await filled(2);
    const target = path("Archive");
    const { uidNext } = await mailbox.status(target);
    const place = await mailbox.append(
      target,
      message,
      { flags: ["seen", "flagged"], keywords: [], receivedAt },
      uidNext,
    );
    const stored = await newest(mailbox, target);
    expect(stored.place).toEqual(place);
    expect(stored).toMatchObject({ receivedAt, envelope: { subject: "stored" } });
    expect(stored.flags).toEqual({ seen: true, flagged: true, answered: false, draft: false });
    const raw = await collect((await mailbox.openRaw(stored.place)).stream);
    expect(raw.subarray(raw.indexOf("\r\n\r\n")).toString()).toBe("\r\n\r\nbody\r\n");
  });

  const storesMany: Need[] = ["append", "UIDVALIDITY that holds"];
  it("finds by its Message-ID what lies in the folder, and nothing else", storesMany, async () => {
    const { mailbox } = await filled(60);
    const target = path("Archive");
    const plain = { flags: ["seen" as const], keywords: [], receivedAt };
    const longer = Buffer.from(message.toString().replace("<stored", "<not-stored"));
    for (const octets of [longer, message, longer, message]) await mailbox.append(target, octets, plain, null);
    for (let n = 0; n < 55; n += 1)
      await mailbox.append(target, Buffer.from(message.toString().replace("<stored", `<n${n}`)), plain, null);
    const found = await mailbox.withMessageId(target, "<stored@a.test>");
    const { messages } = await mailbox.list(target, { limit: 100, after: null });
    const wanted = messages.filter(({ envelope }) => envelope.messageId === "<stored@a.test>");
    expect(found).toEqual(wanted.map(({ place }) => place));
    expect(found).toHaveLength(2);
    expect(await mailbox.withMessageId("INBOX", "<stored@a.test>")).toEqual([]);
    expect(await mailbox.withMessageId(target, '<"never seen"@größe.test>')).toEqual([]);
  });

  it("stores keywords along", ["append", "keywords"], async () => {
    const mailbox = await open(await freshUser());
    await mailbox.append("INBOX", message, { flags: [], keywords: ["$Work"], receivedAt: null }, null);
    expect((await newest(mailbox)).keywords).toEqual(["$Work"]);
  });

  it("refuses to store in a folder that is not there", ["append"], async () => {
    const mailbox = await open(await freshUser());
    const plain = { flags: [], keywords: [], receivedAt: null };
    expect((await failureOf(mailbox.append(path("Nowhere"), message, plain, null))).code).toBe("not-found");
    expect((await mailbox.status("INBOX")).messages).toBe(0);
    expect(mailbox.dead).toBe(false);
  });

  if (lacks.keywords !== undefined) {
    it("stores nothing with a keyword that the folder can't hold", ["append"], async () => {
      const mailbox = await open(await freshUser());
      const append = mailbox.append("INBOX", message, { flags: [], keywords: ["$Work"], receivedAt: null }, null);
      expect((await failureOf(append)).code).toBe("unsupported-by-server");
      expect((await mailbox.status("INBOX")).messages).toBe(0);
    });
  }

  if (lacks.append !== undefined) {
    it("refuses to store, and names the capability", [], async () => {
      const mailbox = await open(await freshUser());
      expect(mailbox.capabilities().append).toBe(false);
      const append = mailbox.append("INBOX", message, { flags: [], keywords: [], receivedAt: null }, null);
      const { code, details } = await failureOf(append);
      expect([code, details.extra]).toEqual(["unsupported-by-protocol", { capability: "append" }]);
      expect((await mailbox.status("INBOX")).messages).toBe(0);
    });
  }
}
