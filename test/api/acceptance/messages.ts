import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Message } from "../../../src/mail/message.ts";
import { fillMaildir } from "../../servers/maildir.ts";
import { makeMessage } from "../../servers/messages.ts";
import { letter } from "../watching.ts";
import { good } from "../webhooks.ts";
import {
  arrivedIn,
  folderOf,
  listOf,
  messageAt,
  newBox,
  type Page,
  put,
  read,
  sharedBoxes,
  type Stage,
  subjectOf,
} from "./stage.ts";
import { refused } from "./target.ts";

const off = { watch: { mode: "off" } };
const oneEach = [
  ["IMAP", "ann"],
  ["POP3", "cleo"],
] as const;

export function messagesContract(stage: () => Stage): void {
  describe("messages", () => {
    test.each(oneEach)("by %s are listed page by page, newest first, each once, and by filters", async (_, name) => {
      const box = await newBox(stage(), stage().call, sharedBoxes[name], off);
      const { path, call, user } = box;
      const count = 9;
      fillMaildir(stage().stack.dovecot.maildir(user), count, { to: user.username });
      const made = Array.from({ length: count }, (_, at) => makeMessage(count - 1 - at, user.username));

      const seen: Message[] = [];
      let lastCursor = "";
      for (let cursor: string | null = ""; cursor !== null;) {
        const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
        const page: Page<Message> = await good(call("GET", `${path}/messages?limit=4${query}`));
        seen.push(...page.data);
        cursor = page.nextCursor;
        lastCursor = cursor ?? lastCursor;
      }
      expect(seen.map(({ messageId }) => messageId)).toEqual(made.map(({ messageId }) => messageId));
      expect(seen.map(({ subject }) => subject)).toEqual(made.map(({ subject }) => subject));
      expect(new Set(seen.map(({ id }) => id)).size).toBe(count);
      for (const { accountId } of seen) expect(accountId).toBe(box.id);

      const subjects = async (query: Record<string, string>) =>
        (await listOf(box, query)).map(({ subject }) => subject);
      const [since = "", before = ""] = [made[5], made[1]].map((one) => one?.date.toISOString());
      expect(await subjects({ since, before })).toEqual(made.slice(2, 6).map(({ subject }) => subject));
      const [word = ""] = made[3]?.subject.split(" ").slice(-1) ?? [];
      const having = made.filter(({ subject }) => subject.toLowerCase().includes(word.toLowerCase()));
      expect(await subjects({ subject: word })).toEqual(having.map(({ subject }) => subject));
      expect(refused(await call("GET", `${path}/messages?colour=red`))).toEqual([422, "validation-failed"]);
      for (const query of ["cursor=nonsense", `limit=4&subject=other&cursor=${lastCursor}`])
        expect(refused(await call("GET", `${path}/messages?${query}`))).toEqual([400, "invalid-cursor"]);
    });

    test.each(oneEach)("by %s are flagged and found by that, and others stay as they are", async (_, name) => {
      const box = await newBox(stage(), stage().call, sharedBoxes[name], off);
      for (const what of ["one", "two"]) put(stage(), box, letter(what));
      const [message, neighbour] = [await arrivedIn(box, "one"), await arrivedIn(box, "two")];
      const at = messageAt(box, message);
      const patch = (change: unknown) => box.call<Message>("PATCH", at, change);
      const on = await good(
        patch({ flags: { flagged: true, answered: true, seen: true }, keywords: { add: ["$Forwarded", "todo"] } }),
      );
      expect(on).toMatchObject({ id: message.id, flags: { flagged: true, answered: true, seen: true } });
      expect(on.keywords.toSorted()).toEqual(["$Forwarded", "todo"]);
      const ids = async (query: Record<string, string>) => (await listOf(box, query)).map(({ id }) => id);
      expect(await ids({ flagged: "true" })).toEqual([message.id]);
      expect(await ids({ unseen: "true" })).toEqual([neighbour.id]);
      const changed = await good(patch({ flags: { flagged: false }, keywords: { remove: ["todo"] } }));
      expect(changed).toMatchObject({
        flags: { flagged: false, answered: true, seen: true },
        keywords: ["$Forwarded"],
      });
      expect(await read(box, message)).toMatchObject({ flags: changed.flags, keywords: changed.keywords });
      expect(await arrivedIn(box, "two")).toEqual(neighbour);
      for (const wrong of [{}, { flags: {} }, { flags: { deleted: true } }, { keywords: { add: ["two words"] } }])
        expect(refused(await patch(wrong))).toEqual([422, "validation-failed"]);
    });

    test("keep their id when they are moved, there and back", async () => {
      const { ann } = stage().boxes;
      const subject = subjectOf("moved");
      put(stage(), ann, letter(subject));
      const { id } = await arrivedIn(ann, subject);
      const [archive, inbox] = [await folderOf(ann, "archive"), await folderOf(ann, "inbox")];
      const move = (folderId: string, more = {}) =>
        good(ann.call<Message>("PATCH", messageAt(ann, { id }), { folderId, ...more }));
      const found = async (folder: string) => (await listOf(ann, { folder, subject })).map((one) => one.id);
      for (const [there, gone] of [
        [archive, inbox],
        [inbox, archive],
        [archive, inbox],
      ] as const) {
        expect(await move(there.id, { flags: { flagged: true } })).toMatchObject({
          id,
          folderIds: [there.id],
          flags: { flagged: true },
          warnings: [],
        });
        expect(await found(there.id)).toEqual([id]);
        expect(await found(gone.id)).toEqual([]);
        // Several times: by each replica that there may be.
        for (let times = 0; times < 3; times += 1)
          expect(await read(ann, { id })).toMatchObject({ id, subject, folderIds: [there.id] });
      }
      const nowhere = await ann.call("PATCH", messageAt(ann, { id }), {
        flags: { flagged: false },
        folderId: `fld_${"0".repeat(26)}`,
      });
      expect(refused(nowhere)).toEqual([404, "not-found"]);
      expect(await read(ann, { id })).toMatchObject({ folderIds: [archive.id] });
    });

    test("are deleted to the trash, then for good, and are 410 then", async () => {
      const { bob } = stage().boxes;
      const [subject, other] = [subjectOf("deleted"), subjectOf("kept")];
      for (const one of [subject, other]) put(stage(), bob, letter(one));
      const message = await arrivedIn(bob, subject);
      const at = messageAt(bob, message);
      for (let times = 0; times < 2; times += 1) {
        expect((await bob.call("DELETE", at)).status).toBe(204);
        expect(await listOf(bob, { subject })).toEqual([]);
        expect((await arrivedIn(bob, subject, "trash")).id).toBe(message.id);
      }
      expect((await bob.call("DELETE", `${at}?permanent=true`)).status).toBe(204);
      expect(await listOf(bob, { subject, folder: "trash" })).toEqual([]);
      for (const [method, below] of [
        ["GET", ""],
        ["GET", "/raw"],
        ["GET", "/attachments/att_1"],
        ["PATCH", ""],
        ["DELETE", ""],
      ] as const) {
        const body = method === "PATCH" ? { flags: { seen: true } } : undefined;
        expect(refused(await bob.call(method, at + below, body))).toEqual([410, "message-gone"]);
      }
      await arrivedIn(bob, other);
    });

    test("by POP3 can't be moved, and are deleted for good only", async () => {
      const { dan } = stage().boxes;
      const subject = subjectOf("deleted");
      put(stage(), dan, letter(subject));
      const message = await arrivedIn(dan, subject);
      const at = messageAt(dan, message);
      expect(refused(await dan.call("DELETE", at))).toEqual([422, "unsupported-by-protocol"]);
      const move = { folderId: message.folderIds[0] };
      const moved = await dan.call("PATCH", at, move);
      expect(refused(moved)).toEqual([422, "unsupported-by-protocol"]);
      expect(moved.body).toMatchObject({ capability: "move" });
      await arrivedIn(dan, subject);
      expect((await dan.call("DELETE", `${at}?permanent=true`)).status).toBe(204);
      expect(await listOf(dan, { subject })).toEqual([]);
      expect(refused(await dan.call("GET", at))).toEqual([410, "message-gone"]);
    });

    test("are stored as they are, with flags, keywords and a time, and come back octet for octet", async () => {
      const { ann, cleo } = stage().boxes;
      const subject = subjectOf("stored");
      const body = randomBytes(200_000).toString("base64").replaceAll(/.{76}/g, "$&\r\n");
      const raw = Buffer.from(`From: Ann <ann@example.org>\r\nSubject: ${subject}\r\n\r\n${body}\r\n`);
      const rfc822 = { "Content-Type": "message/rfc822" };
      const query = "folder=sent&flags=seen,flagged&keywords=$Work&receivedAt=2020-02-03T04:05:06Z";
      const stored = await ann.call<Message>("POST", `${ann.path}/messages?${query}`, raw, rfc822);
      expect(stored.status).toBe(201);
      expect(stored.headers.get("location")).toBe(messageAt(ann, stored.body));
      expect(stored.body).toMatchObject({
        subject,
        size: raw.length,
        receivedAt: "2020-02-03T04:05:06.000Z",
        flags: { seen: true, flagged: true, answered: false, draft: false },
        keywords: ["$Work"],
        folderIds: [(await folderOf(ann, "sent")).id],
      });
      expect(await arrivedIn(ann, subject, "sent")).toEqual(stored.body);
      expect((await ann.call("GET", `${messageAt(ann, stored.body)}/raw`)).octets.equals(raw)).toBe(true);

      const post = (box: typeof ann, where: string, what: string | Buffer) =>
        box.call("POST", `${box.path}/messages?folder=${where}`, what, rfc822);
      expect(refused(await post(cleo, "inbox", raw))).toEqual([422, "unsupported-by-protocol"]);
      expect(refused(await post(ann, "inbox", "Subject: \0\r\n\r\n"))).toEqual([422, "validation-failed"]);
      expect(refused(await post(ann, `fld_${"0".repeat(26)}`, raw))).toEqual([404, "not-found"]);
    });

    test("of another account, and ones that nobody has told, are 404 with nothing of theirs", async () => {
      const { ann, bob } = stage().boxes;
      const [own, foreign] = [subjectOf("own"), subjectOf("foreign")];
      put(stage(), ann, letter(own));
      put(stage(), bob, letter(foreign));
      const [{ id }, other] = [await arrivedIn(ann, own), await arrivedIn(bob, foreign)];
      const forged = id.slice(0, -1) + (id.endsWith("A") ? "B" : "A");
      for (const wrong of [other.id, forged, `msg_${"A".repeat(40)}`, "nonsense"])
        for (const below of ["", "/raw", "/attachments/att_1"]) {
          const answer = await ann.call("GET", messageAt(ann, { id: wrong }) + below);
          expect(refused(answer)).toEqual([404, "not-found"]);
          expect(answer.text).not.toContain(foreign);
        }
    });

    test("are served to many at once", async () => {
      const { ann } = stage().boxes;
      const subjects = Array.from({ length: 12 }, () => subjectOf("many"));
      for (const subject of subjects) put(stage(), ann, letter(subject));
      const found = await Promise.all(subjects.map((subject) => arrivedIn(ann, subject)));
      const archive = await folderOf(ann, "archive");
      const moved = await Promise.all(
        found.map((one) => ann.call<Message>("PATCH", messageAt(ann, one), { folderId: archive.id })),
      );
      expect(moved.map(({ status, body }) => [status, body.id])).toEqual(found.map(({ id }) => [200, id]));
      const all = await Promise.all(found.map((one) => read(ann, one)));
      expect(all.map(({ subject, folderIds }) => [subject, ...folderIds])).toEqual(
        subjects.map((subject) => [subject, archive.id]),
      );
    });
  });
}
