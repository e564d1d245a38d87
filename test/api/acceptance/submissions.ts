import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Submission } from "../../../src/mail/submission.ts";
import { recipients } from "../../servers/postfix-config.ts";
import { until } from "../watching.ts";
import { good } from "../webhooks.ts";
import {
  arrivedIn,
  listOf,
  newBox,
  type Page,
  post,
  sent,
  sharedBoxes,
  type Stage,
  subjectOf,
  submissionAt,
  submissionOf,
  to,
} from "./stage.ts";
import { refused } from "./target.ts";

export function submissionsContract(stage: () => Stage): void {
  describe("submissions", () => {
    test("go from a POP3 account too, and are listed, newest first", async () => {
      const { cleo, bob } = stage().boxes;
      const [subject, later] = [subjectOf("from POP3"), subjectOf("again")];
      const submission = await sent(cleo, { to: to(bob), subject, text: "x" });
      expect(submission.sentCopy).toBeNull();
      expect((await arrivedIn(bob, subject)).from?.email).toBe(cleo.user.username);
      const last = await sent(cleo, { to: to(bob), subject: later, text: "x" });
      const page = await good(cleo.call<Page<Submission>>("GET", `${cleo.path}/submissions?limit=200`));
      const ids = page.data.map(({ id }) => id);
      expect(ids.filter((id) => [submission.id, last.id].includes(id))).toEqual([last.id, submission.id]);
    });

    test("have an outcome for each recipient, and a refusal is no error of the call", async () => {
      const { ann, bob } = stage().boxes;
      const box = await newBox(stage(), ann.call, sharedBoxes.ann, { watch: { mode: "off" } });
      const emails = [bob.user.username, recipients.deferred, recipients.rejected, recipients.unknown, recipients.full];
      const message = { to: emails.map((email) => ({ email })), subject: subjectOf("five"), text: "x" };
      const { status, headers, body: posted } = await post(box, message, { wait: 1 });
      expect([status, headers.get("preference-applied")]).toEqual([202, "wait=1"]);
      const tried = await until(
        () => submissionOf(box, posted),
        ({ state, attempts }) => state === "queued" && attempts === 1,
      );
      expect(tried.recipients.map(({ state, code }) => [state, code])).toEqual([
        ["accepted", 250],
        ["deferred", 451],
        ["rejected", 550],
        ["rejected", 550],
        ["rejected", 552],
      ]);
      expect(Date.parse(tried.nextAttemptAt ?? "")).toBeGreaterThan(Date.now());
      const failed = await post(box, { ...message, to: [{ email: recipients.rejected }] });
      expect([failed.status, failed.body.state]).toEqual([200, "failed"]);
    });

    test("under one key are one, whatever comes at once or later", async () => {
      const { ann, bob } = stage().boxes;
      const subject = subjectOf("once");
      const key = randomUUID();
      const message = { to: to(bob), subject, text: "x" };
      const posted = await Promise.all(Array.from({ length: 15 }, () => post(ann, message, { key, wait: 0 })));
      const [first] = posted;
      for (const { status, body } of posted) expect([status, body]).toEqual([202, first?.body]);
      const isReplayed = ({ headers }: { headers: Headers }) => headers.get("idempotency-replayed") === "true";
      expect(posted.filter((one) => !isReplayed(one))).toHaveLength(1);
      expect(refused(await post(ann, { ...message, text: "y" }, { key }))).toEqual([422, "idempotency-key-reused"]);
      const final = await post(ann, message, { key });
      expect([final.status, final.body.id, final.body.state]).toEqual([200, first?.body.id, "sent"]);
      expect(isReplayed(final)).toBe(true);
      // One sent after it has overtaken none of it.
      const marker = subjectOf("after");
      await sent(ann, { ...message, subject: marker });
      await arrivedIn(bob, marker);
      expect(await listOf(bob, { subject })).toHaveLength(1);
      const route = `${ann.path}/submissions`;
      expect(refused(await ann.call("POST", route, message))).toEqual([400, "idempotency-key-missing"]);
      const long = { "Idempotency-Key": "x".repeat(256) };
      expect(refused(await ann.call("POST", route, message, long))).toEqual([400, "idempotency-key-invalid"]);
    });

    test("that can't go out as they are asked for are refused, and nothing is sent", async () => {
      const { ann, bob } = stage().boxes;
      const message = { to: to(bob), subject: "x", text: "x" };
      const wrong: [object, string][] = [
        [{ subject: "x\r\nBcc: eve@example.org" }, "/subject"],
        [{ to: [] }, ""],
        [{ to: [{ email: "a@b\r\nRCPT TO:<eve@example.org>" }] }, "/to/0/email"],
        [{ headers: [{ name: "X-A", value: "1\r\nBcc: eve@example.org" }] }, "/headers/0"],
        [{ attachments: [{ filename: "a", contentType: "text/plain", content: "not base64!" }] }, "/attachments/0"],
        [{ surplus: true }, "/surplus"],
        [{ sendAt: "tomorrow" }, "/sendAt"],
      ];
      for (const [change, pointer] of wrong) {
        const answer = await post(ann, { ...message, ...change });
        expect([change, ...refused(answer)]).toEqual([change, 422, "validation-failed"]);
        expect(answer.body).toMatchObject({ errors: [{ pointer: expect.stringMatching(`^${pointer}`) }] });
      }
      const absent = { ...message, attachments: [{ messageId: `msg_${"A".repeat(40)}`, attachmentId: "att_1" }] };
      expect(refused(await post(ann, absent))[0]).toBeGreaterThanOrEqual(404);
    });

    test("wait for their time, are put off, sent now, and taken back", async () => {
      const { ann, bob } = stage().boxes;
      const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
      const [subject, undone] = [subjectOf("later"), subjectOf("undone")];
      const message = { to: to(bob), subject, text: "x", sendAt: inSeconds(3600) };
      const scheduled = await good(post(ann, message, { wait: 0 }));
      expect(scheduled).toMatchObject({ state: "scheduled", sendAt: message.sendAt, nextAttemptAt: message.sendAt });
      const patch = (submission: Submission, change: unknown) =>
        ann.call<Submission>("PATCH", submissionAt(submission), change);
      const sendAt = inSeconds(7200);
      expect(await good(patch(scheduled, { sendAt }))).toMatchObject({ state: "scheduled", sendAt });
      await good(patch(scheduled, { sendAt: null }));
      await arrivedIn(bob, subject);
      await until(
        () => submissionOf(ann, scheduled),
        ({ state }) => state === "sent",
      );
      const cancel = (submission: Submission) => ann.call<Submission>("DELETE", submissionAt(submission));
      expect(refused(await cancel(scheduled))).toEqual([409, "not-cancelable"]);
      expect(refused(await patch(scheduled, { sendAt }))).toEqual([409, "not-changeable"]);

      const { sendAt: _, ...soon } = { ...message, subject: undone, undoSeconds: 600 };
      const taken = await good(post(ann, soon, { wait: 0 }));
      expect(taken.state).toBe("scheduled");
      const canceled = await good(cancel(taken));
      expect(canceled).toMatchObject({ state: "canceled", nextAttemptAt: null, recipients: [{ state: "pending" }] });
      expect(await good(cancel(taken))).toEqual(canceled);
      expect(refused(await patch(taken, { sendAt: null }))).toEqual([409, "not-changeable"]);
      const absent = { ...taken, id: `sub_${"0".repeat(26)}` };
      expect(refused(await cancel(absent))).toEqual([404, "not-found"]);
    });

    test("go out at their time by themselves", async () => {
      const { bob, ann } = stage().boxes;
      const subject = subjectOf("on time");
      const sendAt = new Date(Date.now() + 3_000).toISOString();
      const scheduled = await good(post(bob, { to: to(ann), subject, text: "x", sendAt }, { wait: 0 }));
      const done = await until(
        () => submissionOf(bob, scheduled),
        ({ state }) => state === "sent",
        30_000,
      );
      expect(done.updatedAt >= sendAt).toBe(true);
      await arrivedIn(ann, subject);
    });
  });
}
