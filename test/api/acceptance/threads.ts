import { describe, expect, test } from "vitest";
import type { ListedThread, ThreadMeta, WholeThread } from "../../../src/operations/view-thread.ts";
import { until } from "../watching.ts";
import { good } from "../webhooks.ts";
import { listOf, type Page, put, read, sharedBoxes, type Stage, subjectOf, watchedBox } from "./stage.ts";
import { refused } from "./target.ts";

/** A message and what it answers, by the subjects. */
function mail(subject: string, answers: string | null = null): string {
  const idOf = (text: string): string => `<${text.replaceAll(" ", ".")}@thread.test>`;
  return [
    "From: Ann <ann@thread.test>",
    "To: me@postern.test",
    `Subject: ${answers === null ? "" : "Re: "}${subject}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: ${idOf(subject)}`,
    ...(answers === null ? [] : [`In-Reply-To: ${idOf(answers)}`, `References: ${idOf(answers)}`]),
    "",
    "Words.",
    "",
  ].join("\n");
}

export function threadsContract(stage: () => Stage): void {
  describe("threads", () => {
    test("hold what came and what was there, in the lists, the events and the messages alike", async () => {
      const { app, box } = await watchedBox(stage(), sharedBoxes.ann, { watch: { mode: "push", folders: "all" } });
      const [one, two, other] = [subjectOf("one"), subjectOf("two"), subjectOf("other")];
      const list = (query = "") =>
        good(app.call<Page<ListedThread> & { meta: ThreadMeta }>("GET", `${box.path}/threads${query}`));
      put(stage(), box, mail(one));
      put(stage(), box, mail(other));
      put(stage(), box, mail(two, one));
      const { data, meta } = await until(
        list,
        (page) => page.data.reduce((sum, thread) => sum + thread.messageCount, 0) === 3,
        90_000,
      );
      expect(data).toHaveLength(2);
      expect(meta.failed).toEqual([]);
      const thread = data.find(({ messageCount }) => messageCount === 2);
      const whole = await good(app.call<WholeThread>("GET", `${box.path}/threads/${thread?.id}?include=preview`));
      expect(whole).toMatchObject({ id: thread?.id, accountId: box.id, truncated: false, messageCount: 2 });
      expect(whole.messages.map(({ subject }) => subject).toSorted()).toEqual([`Re: ${two}`, one].toSorted());
      for (const message of whole.messages) {
        expect(message).toMatchObject({ threadId: thread?.id, preview: "Words." });
        expect((await read(box, message)).threadId).toBe(thread?.id);
      }
      const listed = await listOf(box, { include: "threadId" });
      expect(new Set(listed.map(({ threadId }) => threadId))).toEqual(new Set(data.map(({ id }) => id)));
      const first = await list("?limit=1&folder=inbox");
      const next = await list(`?limit=1&folder=inbox&cursor=${first.nextCursor}`);
      expect([...first.data, ...next.data].map(({ id }) => id)).toEqual(data.map(({ id }) => id));
      expect(next.nextCursor).toBeNull();
    });

    test("of an account that nobody watches say so, and others' are not there", async () => {
      const { bob, cleo } = stage().boxes;
      for (const box of [bob, cleo]) {
        const { data, meta } = await good(
          box.call<Page<ListedThread> & { meta: ThreadMeta }>("GET", `${box.path}/threads`),
        );
        expect([data, meta.indexed.state, meta.indexed.complete]).toEqual([[], "off", false]);
        const none = `${box.path}/threads/thr_${"0".repeat(26)}`;
        expect(refused(await box.call("GET", none))).toEqual([404, "not-found"]);
      }
      const odd = await bob.call("GET", `${bob.path}/threads?cursor=abc`);
      expect(refused(odd)).toEqual([400, "invalid-cursor"]);
    });
  });
}
