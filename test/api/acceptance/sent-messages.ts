import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { letter, until } from "../watching.ts";
import { good } from "../webhooks.ts";
import {
  arrivedIn,
  type Box,
  type BoxName,
  listOf,
  messageAt,
  post,
  put,
  read,
  sent,
  type Stage,
  subjectOf,
  submissionOf,
  to,
} from "./stage.ts";
import { refused } from "./target.ts";

/** A message's only attachment. */
async function attachmentOf(box: Box, message: { id: string }): Promise<Buffer> {
  const { attachments = [] } = await read(box, message);
  expect(attachments).toHaveLength(1);
  return (await box.call("GET", `${messageAt(box, message)}/attachments/${attachments[0]?.id}`)).octets;
}

export function sentMessagesContract(stage: () => Stage): void {
  describe("sent messages", () => {
    test.each([
      ["SMTPS", "ann", "bob", "cleo"],
      ["SMTP with STARTTLS", "bob", "ann", "dan"],
    ] satisfies [string, BoxName, BoxName, BoxName][])(
      "go by %s, and arrive as they were meant by IMAP and by POP3",
      async (_, from, imap, pop3) => {
        const { boxes } = stage();
        const [sender, first, second] = [boxes[from], boxes[imap], boxes[pop3]];
        const subject = subjectOf("Grüße – 数字");
        const octets = randomBytes(40_000);
        const file = { filename: "naïve.pdf", contentType: "application/pdf", content: octets.toString("base64") };
        const message = {
          to: [{ name: "Bénédicte, Prof.", email: first.user.username }],
          bcc: to(second),
          subject,
          text: "Hello\nthere",
          html: "<p>Hello <b>there</b></p>",
          attachments: [file],
          headers: [{ name: "X-Ticket", value: "4711" }],
          metadata: { ticket: "4711" },
        };
        const submission = await sent(sender, message);
        expect(submission).toMatchObject({
          attempts: 1,
          metadata: message.metadata,
          recipients: [{ email: first.user.username, state: "accepted", code: 250 }, { state: "accepted" }],
        });
        expect(submission.envelope).toEqual({
          from: sender.user.username,
          to: [first.user.username, second.user.username],
        });
        for (const box of [first, second]) {
          const arrived = await arrivedIn(box, subject);
          expect(arrived.messageId).toBe(submission.messageId);
          const whole = await read(box, arrived);
          expect(whole).toMatchObject({
            from: { name: "Test User", email: sender.user.username },
            to: message.to,
            bcc: [],
            attachments: [{ filename: "naïve.pdf", contentType: "application/pdf" }],
          });
          expect([whole.text?.trim().replaceAll("\r", ""), whole.html?.trim()]).toEqual([message.text, message.html]);
          expect(whole.headers).toContainEqual(message.headers[0]);
          expect((await attachmentOf(box, arrived)).equals(octets)).toBe(true);
        }
        expect(await arrivedIn(sender, subject, "sent")).toMatchObject({ flags: { seen: true } });
        const filed = await until(
          () => submissionOf(sender, submission),
          ({ sentCopy }) => sentCopy !== "pending",
        );
        expect(filed).toMatchObject({ state: "sent", sentCopy: "stored", warnings: [] });
        expect(await listOf(sender, { folder: "sent", subject })).toHaveLength(1);
      },
    );

    test("that are built already go out as they are, but for Bcc and what is missing", async () => {
      const { ann, bob, dan } = stage().boxes;
      const subject = subjectOf("raw");
      const body = "Gr\u00fc\u00dfe\r\n.\r\n..\r\n.dot\r\n\r\n.\r\nFrom me\r\nlast\r\n";
      const head = [
        `From: Ann <${ann.user.username}>`,
        `To: ${bob.user.username}`,
        `Bcc: ${dan.user.username}`,
        "X-Kept:  as   it is",
        `Subject: ${subject}`,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=iso-8859-1",
        "Content-Transfer-Encoding: 8bit",
      ];
      const raw = Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
      const key = randomUUID();
      const submission = await sent(ann, raw, { route: "/raw", key });
      expect(submission.envelope.to.toSorted()).toEqual([bob.user.username, dan.user.username].toSorted());
      for (const box of [bob, dan]) {
        const arrived = await arrivedIn(box, subject);
        const got = (await box.call("GET", `${messageAt(box, arrived)}/raw`)).octets.toString("latin1");
        expect(got.slice(got.indexOf("\r\n\r\n") + 4)).toBe(body);
        expect(got).toContain("X-Kept:  as   it is\r\n");
        expect(got).toContain(`Message-ID: ${submission.messageId}\r\n`);
        expect(got).not.toMatch(/^Bcc:/im);
      }
      const again = await post(ann, raw, { route: "/raw", key });
      expect([again.status, again.body.id, again.headers.get("idempotency-replayed")]).toEqual([
        200,
        submission.id,
        "true",
      ]);
      const other = await post(ann, Buffer.concat([raw, Buffer.from("more\r\n")]), { route: "/raw", key });
      expect(refused(other)).toEqual([422, "idempotency-key-reused"]);
      const envelope = `/raw?to=${encodeURIComponent(dan.user.username)}`;
      const elsewhere = subjectOf("to another");
      const renamed = Buffer.from(raw.toString("latin1").replace(subject, elsewhere), "latin1");
      expect((await sent(ann, renamed, { route: envelope })).envelope.to).toEqual([dan.user.username]);
      await arrivedIn(dan, elsewhere);
      expect(await listOf(bob, { subject: elsewhere })).toEqual([]);
    });

    test("take an upload, and an attachment of another message, octet for octet", async () => {
      const { ann, bob, cleo } = stage().boxes;
      const octets = randomBytes(700_000);
      const type = { "Content-Type": "application/zip" };
      const upload = await good(
        ann.call<{ id: string; size: number }>("POST", `${ann.path}/uploads?filename=a%20b.zip`, octets, type),
      );
      expect(upload).toMatchObject({ size: octets.length, filename: "a b.zip", contentType: "application/zip" });
      const subject = subjectOf("uploaded");
      await sent(ann, { to: to(bob), subject, text: "x", attachments: [{ uploadId: upload.id }] });
      const arrived = await arrivedIn(bob, subject);
      expect((await attachmentOf(bob, arrived)).equals(octets)).toBe(true);

      const { attachments = [] } = await read(bob, arrived);
      expect(attachments).toMatchObject([{ filename: "a b.zip", contentType: "application/zip" }]);
      const passed = subjectOf("passed on");
      const reference = { messageId: arrived.id, attachmentId: attachments[0]?.id };
      await sent(bob, { to: to(cleo), subject: passed, text: "x", attachments: [reference] });
      expect((await attachmentOf(cleo, await arrivedIn(cleo, passed))).equals(octets)).toBe(true);

      const absent = { to: to(bob), subject, text: "x", attachments: [{ uploadId: `upl_${"0".repeat(26)}` }] };
      expect(refused(await post(ann, absent))).toEqual([422, "validation-failed"]);
      const form = { "Content-Type": "multipart/form-data; boundary=x" };
      expect(refused(await ann.call("POST", `${ann.path}/uploads?filename=a`, "--x--", form))).toEqual([
        415,
        "unsupported-media-type",
      ]);
    });

    test("that answer keep the thread, and mark what they answer", async () => {
      const { ann, bob } = stage().boxes;
      const subject = subjectOf("The plan");
      const asked = letter(subject).replace("ann@postern.test", bob.user.username);
      put(stage(), ann, asked);
      const original = await arrivedIn(ann, subject);
      const answer = { inReplyTo: original.id, text: "Yes.\n", quote: true };
      const submission = await sent(ann, answer);
      expect(submission).toMatchObject({ subject: `Re: ${subject}`, envelope: { to: [bob.user.username] } });
      const whole = await read(bob, await arrivedIn(bob, subject));
      expect(whole).toMatchObject({ inReplyTo: original.messageId, references: [original.messageId] });
      expect(whole.text).toMatch(/^Yes\.[^]*> Hello\./);
      await until(
        () => read(ann, original),
        ({ flags }) => flags.answered,
      );
    });
  });
}
