import { expect } from "vitest";
import type { FolderRole, NativeFolder } from "../../src/mail/folder.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import { failureOf } from "./failure-of.ts";
import { type Bench, imapPlace, newest, noKeywords, page } from "./mailbox-bench.ts";

async function folderAt(mailbox: Mailbox, path: string): Promise<NativeFolder | undefined> {
  return (await mailbox.folders()).find((folder) => folder.path === path);
}

/** Folders: told whole, with roles and counts, and changed. */
export function folders({ it, filled, fill, open, user: freshUser, path, lacks }: Bench): void {
  it("lists all folders with their roles and counts", ["folders"], async () => {
    const { mailbox, user } = await filled(4);
    await fill(user, 2, path("Archive"));
    const all = await mailbox.folders();
    const roles: [string, FolderRole][] = [
      ["INBOX", "inbox"],
      [path("Archive"), "archive"],
      [path("Drafts"), "drafts"],
      [path("Junk"), "junk"],
      [path("Sent"), "sent"],
      [path("Trash"), "trash"],
    ];
    for (const [raw, role] of roles) expect(all.find((folder) => folder.path === raw)?.role).toBe(role);
    expect(all).toHaveLength(roles.length);
    for (const folder of all) expect(folder).toMatchObject({ selectable: true, parentPath: null });
    const inbox = all.find((folder) => folder.path === "INBOX");
    const listed = await mailbox.list("INBOX", page);
    expect(inbox?.status).toMatchObject({
      messages: 4,
      unseen: listed.messages.filter(({ flags }) => !flags.seen).length,
      uidValidity: listed.uidValidity,
    });
    expect(all.find((folder) => folder.path === path("Archive"))?.status?.messages).toBe(2);
  });

  it("tells a folder's UIDNEXT, above all of its messages", ["UIDs"], async () => {
    const { mailbox } = await filled(4);
    const { uidNext, uidValidity, messages } = await mailbox.status("INBOX");
    const listing = await mailbox.list("INBOX", page);
    expect([messages, uidValidity]).toEqual([4, listing.uidValidity]);
    expect(uidNext).toBeGreaterThan(Math.max(...listing.messages.map(({ place }) => imapPlace(place).uid)));
    const empty = await open(await freshUser());
    expect((await empty.status("INBOX")).uidNext).toBeGreaterThanOrEqual(1);
  });

  it("makes, opens and deletes folders, also below others", ["folder changes", "folders in folders"], async () => {
    const { mailbox } = await filled(2);
    const parent = await mailbox.createFolder(null, "Clients");
    expect(await folderAt(mailbox, parent)).toMatchObject({ name: "Clients", parentPath: null, subscribed: true });
    const child = await mailbox.createFolder(parent, "Acme");
    expect(await folderAt(mailbox, child)).toMatchObject({ name: "Acme", parentPath: parent, selectable: true });
    const { messages } = await mailbox.list("INBOX", page);
    const places = messages.map(({ place }) => place);
    await mailbox.move(places.map(imapPlace), child, (await mailbox.status(child)).uidNext);
    expect((await mailbox.list(child, page)).messages).toHaveLength(2);
    expect((await failureOf(mailbox.createFolder(parent, "Acme"))).code).toBe("folder-exists");
    expect((await failureOf(mailbox.deleteFolder(parent))).code).toBe("folder-protected");
    await mailbox.deleteFolder(child);
    expect(await folderAt(mailbox, child)).toBeUndefined();
    expect((await failureOf(mailbox.list(child, page))).code).toBe("not-found");
    expect((await failureOf(mailbox.deleteFolder(child))).code).toBe("not-found");
    expect((await failureOf(mailbox.deleteFolder("INBOX"))).code).toBe("folder-protected");
  });

  it("renames a folder with those below it", ["folder changes", "folders in folders"], async () => {
    const { mailbox, user } = await filled(0);
    const parent = await mailbox.createFolder(null, "Old");
    const child = await mailbox.createFolder(parent, "Inner");
    await fill(user, 3, child);
    const renamed = await mailbox.renameFolder(parent, { name: "New" });
    const all = await mailbox.folders();
    const inner = all.find((folder) => folder.name === "Inner");
    expect(inner).toMatchObject({ parentPath: renamed, status: { messages: 3 } });
    expect(all.some((folder) => folder.path === parent && folder.selectable)).toBe(false);
    expect((await failureOf(mailbox.renameFolder("INBOX", { name: "Other" }))).code).toBe("folder-protected");
  });

  it("makes, renames and deletes a folder with mail in it", ["folder changes"], async () => {
    const { mailbox } = await filled(2);
    const made = await mailbox.createFolder(null, "Made");
    const places = (await mailbox.list("INBOX", page)).messages.map(({ place }) => place);
    await mailbox.move(places.map(imapPlace), made, (await mailbox.status(made)).uidNext);
    const renamed = await mailbox.renameFolder(made, { name: "Renamed" });
    expect((await mailbox.list(renamed, page)).messages).toHaveLength(2);
    expect((await failureOf(mailbox.list(made, page))).code).toBe("not-found");
    await mailbox.deleteFolder(renamed);
    expect(await folderAt(mailbox, renamed)).toBeUndefined();
  });

  it("names folders in any script", ["folder changes", "names of any script"], async () => {
    const { mailbox } = await filled(0);
    for (const name of ["Größe & Co", "請求書", "R&D"]) {
      const made = await mailbox.createFolder(null, name);
      expect(await folderAt(mailbox, made)).toMatchObject({ name, selectable: true });
      expect((await mailbox.status(made)).messages).toBe(0);
    }
  });

  if (lacks.folders !== undefined) {
    it("tells its one folder, the inbox, with counts", [], async () => {
      const { mailbox } = await filled(4);
      await mailbox.setFlags([(await newest(mailbox)).place], { flags: { seen: true }, keywords: noKeywords });
      expect(mailbox.capabilities()).toMatchObject({ folders: false, move: false });
      const inbox = { path: "INBOX", name: "INBOX", parentPath: null, role: "inbox", selectable: true };
      expect(await mailbox.folders()).toMatchObject([{ ...inbox, status: { messages: 4, unseen: 3 } }]);
      expect(await mailbox.status("INBOX")).toMatchObject({ messages: 4, unseen: 3 });
    });

    it("refuses what needs folders, and names the capability", [], async () => {
      const { mailbox } = await filled(1);
      const refused: [string, () => Promise<unknown>][] = [
        ["folders", () => mailbox.createFolder(null, "Made")],
        ["folders", () => mailbox.renameFolder("INBOX", { name: "Other" })],
        ["folders", () => mailbox.deleteFolder("INBOX")],
        ["folders", () => mailbox.subscribeFolder("INBOX", false)],
        ["move", () => mailbox.move([], "Archive", null)],
      ];
      for (const [capability, call] of refused) {
        const { code, details } = await failureOf(call());
        expect([code, details.extra]).toEqual(["unsupported-by-protocol", { capability }]);
      }
      expect((await mailbox.status("INBOX")).messages).toBe(1);
    });
  }

  it("subscribes and unsubscribes", ["folder changes"], async () => {
    const { mailbox } = await filled(0);
    for (const subscribed of [true, false, true]) {
      await mailbox.subscribeFolder(path("Archive"), subscribed);
      expect(await folderAt(mailbox, path("Archive"))).toMatchObject({ subscribed });
    }
  });
}
