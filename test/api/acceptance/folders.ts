import { describe, expect, test } from "vitest";
import { good } from "../webhooks.ts";
import { letter } from "../watching.ts";
import {
  arrivedIn,
  type Box,
  type Folder,
  folderOf,
  foldersOf,
  listOf,
  messageAt,
  put,
  type Stage,
  subjectOf,
} from "./stage.ts";
import { refused } from "./target.ts";

export function folders(box: Box) {
  const at = `${box.path}/folders`;
  return {
    make: (input: unknown) => box.call<Folder>("POST", at, input),
    get: ({ id }: Folder) => box.call<Folder>("GET", `${at}/${id}`),
    change: ({ id }: Folder, change: unknown) => box.call<Folder>("PATCH", `${at}/${id}`, change),
    remove: ({ id }: Folder) => box.call("DELETE", `${at}/${id}`),
  };
}

export function foldersContract(stage: () => Stage): void {
  describe("folders", () => {
    test.each(["ann", "bob"] as const)("by IMAP have their roles and counts: %s", async (name) => {
      const box = stage().boxes[name];
      const all = await foldersOf(box);
      const roles = all.map(({ role }) => role).filter((role) => role !== null);
      expect(roles.toSorted()).toEqual(["archive", "drafts", "inbox", "junk", "sent", "trash"]);
      const counts = { messages: expect.any(Number), unseen: expect.any(Number) };
      expect(all.map((one) => one.counts)).toEqual(all.map(() => counts));
      const inbox = await folderOf(box, "inbox");
      expect((await folders(box).get(inbox)).body).toMatchObject({ id: inbox.id, name: inbox.name, role: "inbox" });
    });

    test("keep their ids, and those of what is in them, through renames and moves, and go when they are deleted", async () => {
      const { ann } = stage().boxes;
      const { make, get, change, remove } = folders(ann);
      const made = await make({ name: subjectOf("Été") });
      expect(made.status).toBe(201);
      expect(made.headers.get("location")).toBe(`${ann.path}/folders/${made.body.id}`);
      const work = made.body;
      expect(work).toMatchObject({ parentId: null, role: null, selectable: true, counts: { messages: 0, unseen: 0 } });
      const year = await good(make({ name: "日本語 2026", parentId: work.id }));
      const subject = subjectOf("filed");
      put(stage(), ann, letter(subject));
      const { id } = await arrivedIn(ann, subject);
      const message = messageAt(ann, { id });
      await good(ann.call("PATCH", message, { folderId: year.id }));

      const renamed = await good(change(work, { name: `${work.name} Arbeit` }));
      expect(renamed).toMatchObject({ id: work.id, name: `${work.name} Arbeit` });
      const moved = await good(change(year, { name: "Jahr", parentId: null }));
      expect(moved).toMatchObject({ id: year.id, name: "Jahr", parentId: null });
      expect((await listOf(ann, { folder: year.id })).map((one) => one.id)).toEqual([id]);
      expect(await good(ann.call("GET", message))).toMatchObject({ id, subject, folderIds: [year.id] });
      expect((await get(year)).body).toMatchObject({ name: "Jahr", counts: { messages: 1 } });

      for (const folder of [year, work]) expect((await remove(folder)).status).toBe(204);
      for (const act of [get, remove]) expect(refused(await act(year))).toEqual([404, "not-found"]);
      expect(refused(await ann.call("GET", message))).toEqual([410, "message-gone"]);
    });

    test("that can't be are refused by name, and nothing is changed", async () => {
      const { ann } = stage().boxes;
      const { make, get, change, remove } = folders(ann);
      const inbox = await folderOf(ann, "inbox");
      const work = await good(make({ name: subjectOf("Work") }));
      const child = await good(make({ name: "Child", parentId: work.id }));
      const absent = { ...work, id: `fld_${"0".repeat(26)}` };
      const answers = await Promise.all([
        make({ name: work.name }),
        make({ name: "a/b" }),
        make({ name: " a" }),
        make({ name: "a\r\nDELETE x" }),
        make({ name: "a", parentId: absent.id }),
        change(work, {}),
        change(work, { name: "Sent" }),
        change(work, { parentId: work.id }),
        change(inbox, { name: "Old" }),
        remove(inbox),
        remove(work),
        remove(absent),
        get({ ...work, id: "nonsense" }),
      ]);
      expect(answers.map(refused)).toEqual([
        [409, "folder-exists"],
        [422, "validation-failed"],
        [422, "validation-failed"],
        [422, "validation-failed"],
        [404, "not-found"],
        [422, "validation-failed"],
        [409, "folder-exists"],
        [422, "validation-failed"],
        [409, "folder-protected"],
        [409, "folder-protected"],
        [409, "folder-protected"],
        [404, "not-found"],
        [404, "not-found"],
      ]);
      expect((await get(work)).body).toEqual(work);
      for (const folder of [child, work]) expect((await remove(folder)).status).toBe(204);
    });

    test.each(["cleo", "dan"] as const)("by POP3 are the inbox alone: %s", async (name) => {
      const box = stage().boxes[name];
      const all = await foldersOf(box);
      expect(all).toMatchObject([{ role: "inbox", parentId: null, selectable: true }]);
      const { make, change } = folders(box);
      expect(refused(await make({ name: "More" }))).toEqual([422, "unsupported-by-protocol"]);
      const [inbox] = all;
      if (inbox === undefined) throw new Error("no inbox");
      expect(refused(await change(inbox, { name: "Old" }))[0]).toBeGreaterThanOrEqual(409);
      expect(refused(await box.call("GET", `${box.path}/messages?folder=sent`))).toEqual([
        422,
        "unsupported-by-protocol",
      ]);
    });
  });
}
