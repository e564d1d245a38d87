import { describe, expect, test } from "vitest";
import type { Message } from "../../../src/mail/message.ts";
import { recipients } from "../../servers/postfix-config.ts";
import { readEvents } from "../event-reader.ts";
import { letter, type Told, until } from "../watching.ts";
import { good } from "../webhooks.ts";
import {
  arrivedIn,
  type Box,
  folderOf,
  messageAt,
  newBox,
  put,
  sent,
  sharedBoxes,
  type Stage,
  subjectOf,
  to,
  watchedBox,
} from "./stage.ts";
import { type App, ask, type Call, newApp, refused, type Traits } from "./target.ts";
import { testWhere } from "./test-where.ts";

type EventPage = { data: Told[]; nextCursor: string; hasMore: boolean };

/** An app's log, oldest first. */
export async function logOf(call: Call, query = ""): Promise<Told[]> {
  const all: Told[] = [];
  for (let cursor = ""; ;) {
    const page = await good(call<EventPage>("GET", `/v1/events?limit=200${query}${cursor}`));
    all.push(...page.data);
    if (!page.hasMore) return all;
    cursor = `&cursor=${page.nextCursor}`;
  }
}

/** Has all folders of a mailbox looked at, whoever watches it and how: its pause is over. */
export async function lookAgain({ call, path }: Box): Promise<void> {
  for (const verb of ["pause", "resume"]) await good(call("POST", `${path}/${verb}`));
}

type Look<T> = () => Promise<T | undefined> | T | undefined;

/** What `look` finds, once it finds something; meanwhile `again` is done now and then. */
async function asked<T>(look: Look<T>, again: () => Promise<unknown>): Promise<T> {
  let askedAt = Date.now();
  let patienceMs = 1_500;
  const found = await until(
    async () => {
      const one = await look();
      if (one === undefined && Date.now() - askedAt > patienceMs) {
        await again();
        askedAt = Date.now();
        // What takes long on a busy machine is left more time.
        patienceMs *= 1.5;
      }
      return one;
    },
    (one) => one !== undefined,
    40_000,
  );
  if (found === undefined) throw new Error("nothing");
  return found;
}

/** What is told of a mailbox: by itself where new mail is told of, else after a look that a call asks for. */
export function told<T>({ target }: Pick<Stage, "target">, { call, path }: Box, look: Look<T>): Promise<T> {
  const isPushed = target.traits.push === true;
  return asked(look, async () => isPushed || good(call("POST", `${path}/verify`)));
}

/** What is told of a mailbox when it has been looked at as a whole, once or again. */
export async function toldByLooks<T>(box: Box, look: Look<T>): Promise<T> {
  await lookAgain(box);
  return asked(look, () => lookAgain(box));
}

const ofMessages = (log: Told[]): Told[] => log.filter(({ type }) => type.startsWith("message."));

export function eventsContract(stage: () => Stage, traits: Traits): void {
  /** The event of this type about a subject, once it is in the log. */
  const toldOf = ({ call }: App, box: Box, type: string, subject: string) =>
    told(stage(), box, async () => (await logOf(call, `&type=${type}`)).find(({ data }) => data.subject === subject));

  describe("events", () => {
    test("tell of new mail, alike in the log and on the stream, gapless and once", async () => {
      const { app, box } = await watchedBox(stage());
      const reader = await readEvents({ url: stage().target.url, appKey: app.key });
      try {
        const subject = subjectOf("new");
        await sent(stage().boxes.ann, { to: to(box), subject, text: "x" });
        const event = await toldOf(app, box, "message.created", subject);
        const inbox = await folderOf(box, "inbox");
        expect(event).toMatchObject({
          accountId: box.id,
          data: { subject, folderIds: [inbox.id], actor: "external", historical: false },
        });
        expect(await good(app.call("GET", messageAt(box, event.data)))).toMatchObject({ subject });
        const streamed = await until(
          async () => reader.told.find(({ id }) => id === event.id),
          (one) => one !== undefined,
        );
        expect(streamed).toEqual(event);

        const log = await logOf(app.call);
        expect(log[0]).toMatchObject({ type: "account.connected", accountId: box.id });
        expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, at) => at + 1));
        expect(log.filter(({ type }) => type === "message.created")).toEqual([event]);
      } finally {
        await reader.stop();
      }
    });

    testWhere(traits.push)("tell of new mail within seconds, without being asked", async () => {
      const { app, box } = await watchedBox(stage(), sharedBoxes.bob);
      await until(
        async () => (await good(app.call<{ folders: { mode: string }[] }>("GET", `${box.path}/status`))).folders,
        (folders) => folders.some(({ mode }) => mode === "idle"),
      );
      const reader = await readEvents({ url: stage().target.url, appKey: app.key });
      try {
        const subject = subjectOf("at once");
        put(stage(), box, letter(subject));
        const isTold = async () => reader.told.some(({ data }) => data.subject === subject);
        await until(isTold, (is) => is, 5_000);
      } finally {
        await reader.stop();
      }
    });

    test("on a stream go on behind the last id, with nothing left out and nothing twice", async () => {
      const { app, box } = await watchedBox(stage());
      const { target } = stage();
      const first = await readEvents({ url: target.url, appKey: app.key });
      const subjects = Array.from({ length: 3 }, () => subjectOf("break"));
      const [before = "", between = "", after = ""] = subjects;
      put(stage(), box, letter(before));
      const seen = await toldOf(app, box, "message.created", before);
      await until(
        async () => first.told.some(({ id }) => id === seen.id),
        (is) => is,
      );
      await first.stop();
      const lastEventId = first.told.at(-1)?.id ?? "";
      put(stage(), box, letter(between));
      await toldOf(app, box, "message.created", between);

      const over = new AbortController();
      const response = await ask(target, app.key, "GET", "/v1/events/stream", {
        headers: { "Last-Event-ID": lastEventId },
        signal: over.signal,
      });
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
      put(stage(), box, letter(after));
      const telling = toldOf(app, box, "message.created", after);
      let text = "";
      for await (const piece of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
        text += piece;
        if (text.includes(after) && text.endsWith("\n\n")) break;
      }
      over.abort();
      const last = await telling;
      const ids = [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => (JSON.parse(data) as Told).id);
      const log = await logOf(app.call);
      const from = log.findIndex(({ id }) => id === lastEventId) + 1;
      const to = log.findIndex(({ id }) => id === last.id) + 1;
      expect(ids).toEqual(log.slice(from, to).map(({ id }) => id));
    });

    test("say whose doing it was, and what the API stored is not new", async () => {
      const { app, box } = await watchedBox(stage());
      const subjects = ["flagged", "moved", "deleted"].map(subjectOf);
      const [flagged = "", moved = "", deleted = ""] = subjects;
      for (const subject of subjects) put(stage(), box, letter(subject));
      for (const subject of subjects) await toldOf(app, box, "message.created", subject);
      const at = async (subject: string) => messageAt(box, await arrivedIn(box, subject));
      const [archive, inbox] = [await folderOf(box, "archive"), await folderOf(box, "inbox")];
      await good(app.call("PATCH", await at(flagged), { flags: { flagged: true } }));
      await good(app.call("PATCH", await at(moved), { folderId: archive.id }));
      expect((await app.call("DELETE", `${await at(deleted)}?permanent=true`)).status).toBe(204);
      const stored = subjectOf("stored");
      const rfc822 = { "Content-Type": "message/rfc822" };
      const append = `${box.path}/messages?folder=archive`;
      const { id } = await good(app.call<Message>("POST", append, letter(stored), rfc822));
      const log = await toldByLooks(box, async () => {
        const mine = ofMessages(await logOf(app.call)).slice(subjects.length);
        return mine.length >= 3 ? mine : undefined;
      });
      expect(new Set(log.map(({ data }) => data.actor))).toEqual(new Set(["api"]));
      const byType = Object.fromEntries(log.map((event) => [event.type, event.data]));
      expect(byType["message.updated"]).toMatchObject({ subject: flagged, changes: ["flags"] });
      expect(byType["message.moved"]).toMatchObject({ subject: moved, fromFolderId: inbox.id, toFolderId: archive.id });
      expect(byType["message.deleted"]).toMatchObject({ folderIds: [inbox.id] });

      // What comes after it is told, and it is not.
      const later = subjectOf("later");
      put(stage(), box, letter(later));
      await toldOf(app, box, "message.created", later);
      const all = await logOf(app.call, "&type=message.created");
      expect(all.map(({ data }) => data.subject).toSorted()).toEqual([...subjects, later].toSorted());
      expect(all.map(({ data }) => data.id)).not.toContain(id);
    });

    test("tell what a POP3 mailbox got while it was paused, and what it lost", async () => {
      const { app, box } = await watchedBox(stage(), sharedBoxes.dan);
      await good(app.call("POST", `${box.path}/pause`));
      const subject = subjectOf("meanwhile");
      await sent(stage().boxes.bob, { to: to(box), subject, text: "x" });
      await good(app.call("POST", `${box.path}/resume`));
      const message = await arrivedIn(box, subject);
      const ofType = (type: string) => async () => (await logOf(app.call, `&type=${type}`))[0];
      const created = await toldByLooks(box, ofType("message.created"));
      expect(created.data).toMatchObject({ id: message.id, subject, actor: "external", historical: false });
      expect((await app.call("DELETE", `${messageAt(box, message)}?permanent=true`)).status).toBe(204);
      const gone = await toldByLooks(box, ofType("message.deleted"));
      expect(gone.data).toMatchObject({ id: message.id, actor: "api" });
      const types = (await logOf(app.call)).map(({ type }) => type);
      expect(types).toContain("account.paused");
    });

    test("tell what became of a submission, and that it bounced", async () => {
      const { app, box } = await watchedBox(stage());
      const message = { to: [{ email: recipients.bouncing }], subject: subjectOf("bounces"), text: "x" };
      const submission = await sent(box, message);
      const ofType = async (type: string) => (await logOf(app.call, `&type=${type}`))[0];
      const done = await told(stage(), box, () => ofType("submission.sent"));
      expect(done.data).toMatchObject({ id: submission.id, state: "sent" });
      const bounced = await told(stage(), box, () => ofType("message.bounced"));
      expect(bounced.data).toMatchObject({
        submissionId: submission.id,
        originalMessageId: submission.messageId,
        kind: "failed",
        recipients: [{ email: recipients.bouncing, action: "failed" }],
      });
      expect((await good(app.call("GET", `${box.path}/submissions/${submission.id}`)))["state"]).toBe("sent");
    });

    test("are an app's own, chosen by type and account, and resumed behind what is still kept", async () => {
      const app = await newApp(stage().target);
      const box = await newBox(stage(), app.call, sharedBoxes.cleo, { watch: { mode: "off" } });
      await lookAgain(box);
      const [connected, paused, ...others] = await logOf(app.call);
      expect([connected?.type, paused?.type, others]).toEqual(["account.connected", "account.paused", []]);
      expect(await logOf(app.call, `&type=account.paused,account.deleted&account=${box.id}`)).toEqual([paused]);
      expect(await logOf(app.call, `&account=acc_${"0".repeat(26)}`)).toEqual([]);
      expect(await logOf(app.call, `&after=${connected?.id}`)).toEqual([paused]);

      const page = await good(app.call<EventPage>("GET", "/v1/events?limit=1&type=account.paused"));
      expect([page.data, page.hasMore]).toEqual([[paused], false]);
      const next = () =>
        good(app.call<EventPage>("GET", `/v1/events?limit=1&type=account.paused&cursor=${page.nextCursor}`));
      expect((await next()).data).toEqual([]);
      await lookAgain(box);
      expect((await next()).data).toMatchObject([{ type: "account.paused", sequence: 3, accountId: box.id }]);

      // To another app none of it is there.
      const { call } = stage();
      expect((await logOf(call)).map(({ accountId }) => accountId)).not.toContain(box.id);
      expect(refused(await call("GET", `/v1/events?after=${connected?.id}`))).toEqual([410, "changes-expired"]);
      expect(refused(await call("GET", `/v1/events?cursor=${page.nextCursor}`))).toEqual([400, "invalid-cursor"]);
      expect(refused(await call("GET", "/v1/events?type=nothing"))).toEqual([422, "validation-failed"]);
      const headers = { "Last-Event-ID": `evt_${"0".repeat(26)}` };
      expect(refused(await call("GET", "/v1/events/stream", undefined, headers))).toEqual([410, "changes-expired"]);
    });
  });
}
