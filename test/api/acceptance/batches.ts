import { describe, expect, test } from "vitest";
import { letter } from "../watching.ts";
import { good } from "../webhooks.ts";
import { type Batch, outcomes } from "../batches.ts";
import {
  arrivedIn,
  type Box,
  type BoxName,
  folderOf,
  listOf,
  messageAt,
  put,
  read,
  type Stage,
  subjectOf,
} from "./stage.ts";
import { refused } from "./target.ts";

export function batchesContract(stage: () => Stage): void {
  const batch = ({ call, path }: Box, body: unknown): Promise<Batch> =>
    good(call<Batch>("POST", `${path}/messages/batch`, body));
  /** Messages of the test's own, and their ids. */
  const arrived = async (name: BoxName, count: number): Promise<{ box: Box; ids: string[]; subject: string }> => {
    const box = stage().boxes[name];
    const subject = subjectOf("batch");
    for (let number = 0; number < count; number += 1) put(stage(), box, letter(`${subject} ${number}`));
    const ids = [];
    for (let number = 0; number < count; number += 1) ids.push((await arrivedIn(box, `${subject} ${number}`)).id);
    return { box, ids, subject };
  };

  describe("batches", () => {
    test("flag, move and delete many messages, which keep their ids", async () => {
      const { box, ids, subject } = await arrived("ann", 4);
      const [first = "", ...others] = ids;
      const [archive, trash] = [await folderOf(box, "archive"), await folderOf(box, "trash")];
      const action = { flags: { flagged: true }, keywords: { add: ["batched"] }, folderId: archive.id };
      const dry = await batch(box, { ids, action, dryRun: true });
      expect(dry.results.map(({ id, would }) => [id, would])).toEqual(ids.map((id) => [id, ["flags", "folderId"]]));
      expect(await read(box, { id: first })).toMatchObject({ flags: { flagged: false }, keywords: [] });
      const moved = await batch(box, { ids: [...ids, first], action });
      expect(moved.results).toEqual(ids.map((id) => ({ id, ok: true, folderId: archive.id, warnings: [] })));
      expect((await listOf(box, { folder: "archive", subject })).map(({ id }) => id).toSorted()).toEqual(
        ids.toSorted(),
      );
      // Several times: by each replica that there may be.
      for (let times = 0; times < 3; times += 1)
        expect(await read(box, { id: first })).toMatchObject({
          folderIds: [archive.id],
          flags: { flagged: true },
          keywords: ["batched"],
        });
      const trashed = await batch(box, { ids: others, action: { delete: "trash" } });
      expect(trashed.results.map(({ folderId }) => folderId)).toEqual(others.map(() => trash.id));
      const removed = await batch(box, { ids, action: { delete: "permanent" } });
      expect(outcomes(removed)).toEqual(ids.map(() => "ok"));
      for (const id of ids)
        expect(refused(await box.call("GET", messageAt(box, { id })))).toEqual([410, "message-gone"]);
    });

    test("by POP3 flag and remove many messages, and can't move them", async () => {
      const { box, ids, subject } = await arrived("dan", 3);
      const [inbox] = await listOf(box, { subject });
      const flagged = await batch(box, { ids, action: { flags: { flagged: true } } });
      expect(outcomes(flagged)).toEqual(["ok", "ok", "ok"]);
      for (const { flags } of await listOf(box, { subject })) expect(flags.flagged).toBe(true);
      for (const action of [{ delete: "trash" }, { folderId: inbox?.folderIds[0] }])
        expect(refused(await box.call("POST", `${box.path}/messages/batch`, { ids, action }))).toEqual([
          422,
          "unsupported-by-protocol",
        ]);
      expect(outcomes(await batch(box, { ids, action: { delete: "permanent" } }))).toEqual(["ok", "ok", "ok"]);
      expect(await listOf(box, { subject })).toEqual([]);
    });

    test("answer for each id by itself, and take what a search finds", async () => {
      const { box, ids, subject } = await arrived("bob", 3);
      const other = await arrived("ann", 1);
      const [one = "", two = "", three = ""] = ids;
      const forged = one.slice(0, -1) + (one.endsWith("A") ? "B" : "A");
      expect((await box.call("DELETE", `${messageAt(box, { id: two })}?permanent=true`)).status).toBe(204);
      const asked = [forged, one, two, other.ids[0], "nonsense", three];
      const mixed = await batch(box, { ids: asked, action: { flags: { answered: true } } });
      expect(mixed.results.map(({ id }) => id)).toEqual(asked);
      expect(outcomes(mixed)).toEqual(["not-found", "ok", "message-gone", "not-found", "not-found", "ok"]);
      const found = await batch(box, { search: { where: { subject } }, action: { keywords: { add: ["found"] } } });
      expect(found.results.map(({ id }) => id).toSorted()).toEqual([one, three].toSorted());
      expect(found.meta).toMatchObject({ more: false });
      expect((await read(box, { id: three })).keywords).toEqual(["found"]);
      const path = `${box.path}/messages/batch`;
      const action = { flags: { seen: true } };
      for (const wrong of [
        { action },
        { ids, search: { q: "x" }, action },
        { ids, action: {} },
        { search: {}, action },
      ])
        expect(refused(await box.call("POST", path, wrong))).toEqual([422, "validation-failed"]);
      const nowhere = { ids: [one], action: { folderId: `fld_${"0".repeat(26)}` } };
      expect(refused(await box.call("POST", path, nowhere))).toEqual([404, "not-found"]);
    });
  });
}
