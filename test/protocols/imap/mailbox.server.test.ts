import { expect } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { makeCertificates } from "../../servers/ca.ts";
import { type Dovecot, type DovecotOptions, startDovecot } from "../../servers/dovecot.ts";
import { type Imap4d, startImap4d } from "../../servers/imap4d.ts";
import { type ExtensionName, type ImapWithout, startImapWithout } from "../../servers/imap-without.ts";
import { deliver, fillMaildir } from "../../servers/maildir.ts";
import { makeScratch, removeScratch } from "../../servers/scratch.ts";
import { failureOf } from "../failure-of.ts";
import { type Bench, type Environment, newest, page, imapPlace } from "../mailbox-bench.ts";
import { mailboxContract } from "../mailbox-contract.ts";
import { mirror } from "../mirror.ts";
import { marksOn } from "./other-client.ts";
import { target } from "./session-on-dovecot.ts";

/** A Dovecot, seen directly or through a front that lacks extensions. */
function dovecotEnvironment(
  name: string,
  {
    lacking = [],
    lacks = {},
    ...options
  }: DovecotOptions & { lacking?: ExtensionName[]; lacks?: Environment["lacks"] },
): { environment: Environment; front(): ImapWithout } {
  let dovecot: Dovecot;
  let front: ImapWithout | undefined;
  let scratch: string;
  const path = (folder: string): string => (options.separator === "." ? `INBOX.${folder}` : folder);
  const environment: Environment = {
    name,
    lacks,
    async start() {
      scratch = makeScratch();
      const certificates = await makeCertificates(`${scratch}/certificates`);
      dovecot = await startDovecot({ ...options, certificates });
      const behind = { host: dovecot.host, port: dovecot.ports.imap };
      if (lacking.length > 0) front = await startImapWithout(lacking, behind, certificates.valid);
    },
    async stop() {
      await front?.stop();
      await dovecot.stop();
      removeScratch(scratch);
    },
    async user() {
      const user = dovecot.user();
      // The first login makes the mailbox, and the first look at its folders makes those.
      const mailbox = await environment.open(user);
      await mailbox.folders();
      await mailbox.close();
      return user;
    },
    open: (user) => openImap(target(user, front?.port ?? dovecot.ports.imaps, { ca: dovecot.ca })),
    watch: (user) => openImap({ ...target(user, front?.port ?? dovecot.ports.imaps, { ca: dovecot.ca }), watch: true }),
    path,
    deliver: async (user, raw, folder) => deliver(dovecot.maildir(user, folder), raw),
    fill: async (user, count, folder) => fillMaildir(dovecot.maildir(user, folder), count),
    marks: marksOn(() => dovecot.ports.imap),
  };
  return {
    environment,
    front() {
      if (!front) throw new Error("there is no front");
      return front;
    },
  };
}

mailboxContract(dovecotEnvironment("Dovecot as it is", {}).environment, levels);

function levels({ it, fill, open, watch, user: freshUser, deliver }: Bench): void {
  it("only the session that watches asks for mod-sequences, which tell that a folder has changed", [], async () => {
    const user = await freshUser();
    await fill(user, 2, "Archive");
    const modSeqs = async (mailbox: Mailbox): Promise<(string | null | undefined)[]> =>
      (await mailbox.folders()).map(({ status }) => status?.modSeq);
    expect(new Set(await modSeqs(await open(user)))).toEqual(new Set([null]));
    const mailbox = await watch(user);
    const before = await modSeqs(mailbox);
    for (const modSeq of before) expect(modSeq).toMatch(/^[1-9]\d*$/);
    expect(await modSeqs(mailbox)).toEqual(before);
    await deliver(user, "Subject: new\n\nnew\n", "Archive");
    expect(await modSeqs(mailbox)).not.toEqual(before);
    const seen = await mirror(mailbox, "Archive");
    const archive = (await mailbox.folders()).find(({ path }) => path === "Archive");
    expect(archive?.status?.modSeq).toBe(seen.cursor().modSeq);
  });

  it("a level that is no folder is shown and not opened", [], async () => {
    const user = await freshUser();
    await fill(user, 2, "Kunden/Gr&APYA3w-e");
    const mailbox = await open(user);
    const folders = new Map((await mailbox.folders()).map((folder) => [folder.path, folder]));
    expect(folders.get("Kunden")).toMatchObject({ selectable: false, status: null, role: null });
    const below = { name: "Größe", parentPath: "Kunden", status: { messages: 2 } };
    expect(folders.get("Kunden/Gr&APYA3w-e")).toMatchObject(below);
    expect((await mailbox.list("Kunden/Gr&APYA3w-e", page)).messages).toHaveLength(2);
  });
}

mailboxContract(
  dovecotEnvironment("Dovecot with delimiter . and prefix INBOX., without SPECIAL-USE", {
    separator: ".",
    specialUse: false,
  }).environment,
);

const poor = dovecotEnvironment("Dovecot behind a front that lacks nearly all", {
  lacking: [
    "MOVE",
    "UIDPLUS",
    "IDLE",
    "CONDSTORE",
    "QRESYNC",
    "ENABLE",
    "UNSELECT",
    "ID",
    "BINARY",
    "OBJECTID",
    "SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "ESEARCH",
    "NAMESPACE",
    "X-GUID",
    "RFC 5530 codes",
    "UIDNEXT",
    "new keywords",
  ],
  lacks: {
    IDLE: "the front answers IDLE with BAD",
    keywords: "PERMANENTFLAGS without \\*",
    "permanent keys": "the front answers X-GUID with BAD",
  },
});

/** That the fallbacks were taken is told by the front's own record. */
function fallbacks({ it, filled, open, path }: Bench): void {
  const carries = (mailbox: Mailbox, from: string, to: string): Promise<string[]> =>
    commandsDuring(async () => {
      const { place } = await newest(mailbox, from);
      await mailbox.move([imapPlace(place)], to, (await mailbox.status(to)).uidNext);
    });
  const commandsDuring = async (work: () => Promise<unknown>): Promise<string[]> => {
    const start = poor.front().passed.length;
    await work();
    return poor.front().passed.slice(start);
  };

  it("moves by COPY, looks for the copy, and only then removes the original with a plain EXPUNGE", [], async () => {
    const { mailbox } = await filled(2);
    const commands = await carries(mailbox, "INBOX", path("Archive"));
    const order = [
      /^UID COPY/,
      /^SELECT "Archive"/,
      /^UID FETCH/,
      /^SELECT "INBOX"/,
      /^UID STORE \d+ \+FLAGS/,
      /^EXPUNGE/,
    ];
    let at = -1;
    for (const step of order) {
      at = commands.findIndex((command, index) => index > at && step.test(command));
      expect([step, at]).not.toContain(-1);
    }
  });

  it("learns UIDNEXT from the last message where neither STATUS nor SELECT tells it", [], async () => {
    const { mailbox } = await filled(2);
    const commands = await commandsDuring(() => mailbox.status("INBOX"));
    expect(commands.filter((command) => command.startsWith("FETCH * "))).toHaveLength(1);
  });

  it("asks for subscriptions and each folder's counts one by one", [], async () => {
    const { mailbox } = await filled(0);
    const commands = await commandsDuring(() => mailbox.folders());
    expect(commands.filter((command) => command.startsWith("STATUS"))).toHaveLength(6);
    expect(commands.filter((command) => command.startsWith("LSUB"))).toHaveLength(1);
  });

  it("sends nothing that it was told not to know, but X-GUID, which nobody announces", [], async () => {
    const { mailbox, user } = await filled(3);
    await mailbox.list("INBOX", page);
    const { place } = await newest(mailbox);
    expect((await failureOf(mailbox.move([imapPlace(place)], "Nowhere", 1))).code).toBe("not-found");
    await (await open(user)).folders();
    const { refused, removed } = poor.front();
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter((command) => !command.includes("X-GUID"))).toEqual([]);
    for (const words of ["UIDNEXT", "\\*", "HIGHESTMODSEQ", "COPYUID", "APPENDUID", "TRYCREATE", "\\Sent"]) {
      expect([words, removed.some((one) => one.includes(words))]).toEqual([words, true]);
    }
    const plain = poor
      .front()
      .passed.filter((command) => /^(UID )?(MOVE|EXPUNGE .)|^(IDLE|ID|ENABLE|UNSELECT|NAMESPACE)\b/.test(command));
    expect(plain).toEqual([]);
  });
}

mailboxContract(poor.environment, fallbacks);

mailboxContract(dovecotEnvironment("Dovecot behind a front that lacks QRESYNC", { lacking: ["QRESYNC"] }).environment);

let imap4d: Imap4d;

mailboxContract({
  name: "GNU mailutils imap4d",
  lacks: {
    keywords: "imap4d has no keywords (PERMANENTFLAGS without \\*)",
    "permanent keys": "imap4d has none",
    "UIDVALIDITY that holds": "imap4d gives an mbox another UIDVALIDITY when a session opens it after a delivery",
    "sizes that hold": "imap4d's RFC822.SIZE counts headers that it adds later",
    "folders in folders": "an mbox folder of imap4d holds no folders (\\NoInferiors)",
    "bytes as delivered": "imap4d keeps X-UID and Status in the message, and >From quoting",
    "nested sections": "imap4d gives all of a message/rfc822 for the first part inside it",
    "news of removals by others": "an open imap4d session is never told what another one expunged",
  },
  async start() {
    imap4d = await startImap4d();
  },
  stop: () => imap4d.stop(),
  user: async () => imap4d.user(),
  open: (user) => openImap(target(user, imap4d.port, { security: "none" })),
  watch: (user) => openImap({ ...target(user, imap4d.port, { security: "none" }), watch: true }),
  path: (name) => name,
  deliver: (user, raw, path) => imap4d.deliver(user, raw, path),
  fill: (user, count, path) => imap4d.fill(user, count, path),
  marks: marksOn(() => imap4d.port),
});
