import { describe, expect, test } from "vitest";
import { answers, openDialog } from "./dialog.ts";
import { folderServer } from "./scripted-folders.ts";
import { failureOf } from "./session-on-dovecot.ts";

/** The commands that change something. */
const changes = (commands: string[]): string[] =>
  commands.filter((command) => /^(CREATE|RENAME|DELETE) /.test(command));

async function openFolders(...terms: Parameters<typeof folderServer>) {
  const folders = folderServer(...terms);
  const capability = terms[1]?.namespace === undefined ? "IMAP4rev1" : "IMAP4rev1 NAMESPACE";
  return { ...folders, ...(await openDialog({ capability, script: folders.script })) };
}

describe("making a folder", () => {
  test("at the top and below another, by its name on the wire, and subscribes to it", async () => {
    const { mailbox, paths, subscribed } = await openFolders(["INBOX"]);
    expect(await mailbox.createFolder(null, "R&D été")).toBe("R&-D &AOk-t&AOk-");
    expect(await mailbox.createFolder("R&-D &AOk-t&AOk-", "2026")).toBe("R&-D &AOk-t&AOk-/2026");
    expect(paths()).toEqual(["INBOX", "R&-D &AOk-t&AOk-", "R&-D &AOk-t&AOk-/2026"]);
    expect([...subscribed]).toEqual(paths().slice(1));
  });

  test("puts a name together (NFC), so that nobody gets two that look alike", async () => {
    const { mailbox } = await openFolders(["INBOX"]);
    expect(await mailbox.createFolder(null, "e\u0301")).toBe("&AOk-");
    expect((await failureOf(mailbox.createFolder(null, "\u00e9"))).code).toBe("folder-exists");
  });

  test("at the top is below the inbox where NAMESPACE says so", async () => {
    const { mailbox } = await openFolders(["INBOX"], { delimiter: ".", namespace: '(("INBOX." ".")) NIL NIL' });
    expect(await mailbox.createFolder(null, "Work")).toBe("INBOX.Work");
    expect(await mailbox.createFolder("INBOX.Work", "2026")).toBe("INBOX.Work.2026");
    const folders = await mailbox.folders();
    expect(folders.map(({ path, parentPath }) => [path, parentPath])).toEqual([
      ["INBOX", null],
      ["INBOX.Work", null],
      ["INBOX.Work.2026", "INBOX.Work"],
    ]);
  });

  test("at the top is below the inbox where there is no NAMESPACE and all folders lie there", async () => {
    const { mailbox } = await openFolders(["INBOX", "INBOX.Sent"], { delimiter: "." });
    expect(await mailbox.createFolder(null, "Work")).toBe("INBOX.Work");
    expect((await mailbox.folders()).map(({ parentPath }) => parentPath)).toEqual([null, null, null]);
  });

  test("is at the top where one folder lies beside the inbox", async () => {
    const { mailbox } = await openFolders(["INBOX", "INBOX.Sent", "Work"], { delimiter: "." });
    expect(await mailbox.createFolder(null, "Play")).toBe("Play");
  });

  test("answers the name that the server gave it", async () => {
    const { mailbox, subscribed } = await openFolders(["INBOX"], { names: (path) => `[Imap]/${path}` });
    expect(await mailbox.createFolder(null, "Work")).toBe("[Imap]/Work");
    expect([...subscribed]).toEqual(["[Imap]/Work"]);
  });

  test("that the server says it has made, and does not list, is no folder", async () => {
    const { mailbox } = await openFolders(["INBOX"], {
      refuse: (command) => (command.startsWith("CREATE") ? "OK" : undefined),
    });
    expect((await failureOf(mailbox.createFolder(null, "Work"))).code).toBe("upstream-protocol-error");
  });

  test("that exists is told, and nothing is sent", async () => {
    const { mailbox, server } = await openFolders(["INBOX", "Work"]);
    for (const name of ["Work", "INBOX", "inbox"])
      expect((await failureOf(mailbox.createFolder(null, name))).code).toBe("folder-exists");
    expect(changes(server.commands)).toEqual([]);
  });

  test("where only the bare name of a level stands makes it a folder", async () => {
    const { mailbox, server } = await openFolders(["INBOX", "Work", "Work/2026"], {
      attributes: { Work: "\\Noselect" },
      refuse: (command) => (command.startsWith("CREATE") ? "NO [ALREADYEXISTS] it does" : undefined),
    });
    expect((await failureOf(mailbox.createFolder(null, "Work"))).code).toBe("folder-exists");
    expect(changes(server.commands)).toEqual(['CREATE "Work"']);
  });

  test.each([
    ["NO Mailbox exists", "refused-by-server"],
    ["NO Invalid mailbox name", "refused-by-server"],
    ["NO [CANNOT] Invalid mailbox name", "refused-by-server"],
    ["NO [OVERQUOTA] Too many folders", "refused-by-server"],
    ["BAD Invalid characters", "refused-by-server"],
    ["NO [UNAVAILABLE] later", "upstream-throttled"],
  ])('refused with "%s" is %s, in the server\'s words', async (answer, code) => {
    const { mailbox } = await openFolders(["INBOX"], { refuse: () => answer });
    const failure = await failureOf(mailbox.createFolder(null, "a*b"));
    expect(failure.code).toBe(code);
    const text = answer.replace(/^\S+ (\[\S+\] )?/, "");
    expect(failure.upstream).toMatchObject({ protocol: "imap", phase: "CREATE", text });
    expect(mailbox.dead).toBe(false);
  });

  test("that the server says exists, exists, whatever it lists", async () => {
    const { mailbox } = await openFolders(["INBOX"], { refuse: () => "NO [ALREADYEXISTS] Mailbox exists" });
    expect((await failureOf(mailbox.createFolder(null, "work"))).code).toBe("folder-exists");
  });

  test("that another client made in the meantime exists, also where the server has no code for it", async () => {
    const { script } = folderServer(["INBOX"]);
    const late = folderServer(["INBOX", "Work"]);
    let isThere = false;
    const { mailbox } = await openDialog({
      capability: "IMAP4rev1",
      script(command, tag, socket) {
        if (!command.startsWith("CREATE")) return (isThere ? late : { script }).script(command, tag, socket);
        isThere = true;
        return `${tag} NO it is there\r\n`;
      },
    });
    expect((await failureOf(mailbox.createFolder(null, "Work"))).code).toBe("folder-exists");
  });

  test("with the server's delimiter, control characters or half a character in its name never reaches the wire", async () => {
    const { mailbox, server } = await openFolders(["INBOX", "Work"], { delimiter: "." });
    for (const name of ["a.b", ".", "", "a\r\nb", "a\0b", "a\u0085b", "\ud800"])
      expect([name, (await failureOf(mailbox.createFolder("Work", name))).code]).toEqual([name, "validation-failed"]);
    expect(changes(server.commands)).toEqual([]);
  });

  test("in a folder that is gone, or where there are no levels, is told", async () => {
    const { mailbox } = await openFolders(["INBOX", "Flat"], { delimiter: null });
    expect((await failureOf(mailbox.createFolder("Gone", "a"))).code).toBe("not-found");
    expect((await failureOf(mailbox.createFolder("Flat", "a"))).code).toBe("unsupported-by-server");
  });
});

describe("renaming a folder", () => {
  const tree = ["INBOX", "Work", "Work/2026", "Workshop", "Play"];

  test("takes those below it and the subscriptions along", async () => {
    const { mailbox, paths, subscribed } = await openFolders(tree);
    for (const path of ["Work/2026", "Workshop"]) await mailbox.subscribeFolder(path, true);
    expect(await mailbox.renameFolder("Work", { name: "Arbeit" })).toBe("Arbeit");
    expect(paths()).toEqual(["INBOX", "Arbeit", "Arbeit/2026", "Workshop", "Play"]);
    expect([...subscribed].sort()).toEqual(["Arbeit/2026", "Workshop"]);
  });

  test("moves it into another, to the top, and both at once", async () => {
    const { mailbox, paths } = await openFolders(tree);
    expect(await mailbox.renameFolder("Work/2026", { parent: "Play" })).toBe("Play/2026");
    expect(await mailbox.renameFolder("Play/2026", { parent: null, name: "Old" })).toBe("Old");
    expect(await mailbox.renameFolder("Old", { parent: null })).toBe("Old");
    expect(paths()).toEqual(["INBOX", "Work", "Old", "Workshop", "Play"]);
  });

  test("keeps a raw name that nobody can read when only the parent changes, and the parent when only the name does", async () => {
    const { mailbox } = await openFolders(["INBOX", "A", "A/&broken", "INBOX/x"]);
    expect(await mailbox.renameFolder("A/&broken", { parent: null })).toBe("&broken");
    expect(await mailbox.renameFolder("INBOX/x", { name: "y" })).toBe("INBOX/y");
  });

  test("leaves it first where it is open", async () => {
    const { mailbox, server } = await openFolders(tree);
    await mailbox.list("Work/2026", { limit: 1, after: null }).catch(() => {});
    await mailbox.renameFolder("Work", { name: "Arbeit" });
    const last = server.commands.filter((command) => /^(SELECT|RENAME)/.test(command)).slice(-2);
    expect(last).toEqual(['SELECT "INBOX"', 'RENAME "Work" "Arbeit"']);
  });

  test("never touches the inbox, whose RENAME would empty it", async () => {
    const { mailbox, server } = await openFolders(tree);
    for (const path of ["INBOX", "Inbox"])
      expect((await failureOf(mailbox.renameFolder(path, { name: "Old" }))).code).toBe("folder-protected");
    expect(changes(server.commands)).toEqual([]);
  });

  test.each([
    ["Work", { name: "Play" }, "folder-exists"],
    ["Work", { name: "inbox" }, "folder-exists"],
    ["Work", { parent: "Work" }, "validation-failed"],
    ["Work", { parent: "Work/2026" }, "validation-failed"],
    ["Work", { name: "a/b" }, "validation-failed"],
    ["Gone", { name: "x" }, "not-found"],
    ["Work", { parent: "Gone" }, "not-found"],
  ])("%s to %j is %s, and nothing is sent", async (path, to, code) => {
    const { mailbox, server } = await openFolders(tree);
    expect((await failureOf(mailbox.renameFolder(path, to))).code).toBe(code);
    expect(changes(server.commands)).toEqual([]);
  });

  test.each([
    ["NO [ALREADYEXISTS] there is one", "folder-exists"],
    ["NO Not this one", "refused-by-server"],
    ["NO [NOPERM] not yours", "refused-by-server"],
  ])('refused with "%s" is %s', async (answer, code) => {
    const { mailbox } = await openFolders(tree, { refuse: () => answer });
    expect((await failureOf(mailbox.renameFolder("Work", { name: "x" }))).code).toBe(code);
  });
});

describe("deleting a folder", () => {
  const tree = ["INBOX", "Work", "Work/2026", "Play"];

  test("removes it and its subscription", async () => {
    const { mailbox, paths, subscribed } = await openFolders(tree);
    await mailbox.subscribeFolder("Play", true);
    await mailbox.deleteFolder("Play");
    expect([paths(), [...subscribed]]).toEqual([["INBOX", "Work", "Work/2026"], []]);
  });

  test.each([
    ["INBOX", "folder-protected"],
    ["Work", "folder-protected"],
    ["Gone", "not-found"],
  ])("%s is %s, and nothing is sent", async (path, code) => {
    const { mailbox, server } = await openFolders(tree);
    expect((await failureOf(mailbox.deleteFolder(path))).code).toBe(code);
    expect(changes(server.commands)).toEqual([]);
  });

  test.each([
    ["NO [HASCHILDREN] no", "folder-protected"],
    ["NO [CANNOT] Not this one", "refused-by-server"],
    ["NO [INUSE] busy", "mailbox-locked"],
    ["OK", "delete-unconfirmed"],
  ])('answered with "%s" is %s', async (answer, code) => {
    const { mailbox } = await openFolders(tree, {
      refuse: (command) => (command.startsWith("DELETE") ? answer : undefined),
    });
    expect((await failureOf(mailbox.deleteFolder("Play"))).code).toBe(code);
  });
});

test("a subscription that the server refuses is told with its words", async () => {
  const { mailbox } = await openDialog({ script: answers([/^SUBSCRIBE/, "<tag> NO [CANNOT] no such thing\r\n"]) });
  const failure = await failureOf(mailbox.subscribeFolder("Work", true));
  expect(failure).toMatchObject({ code: "refused-by-server", upstream: { phase: "SUBSCRIBE", text: "no such thing" } });
});
