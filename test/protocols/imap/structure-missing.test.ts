import { expect, test } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { fieldsItem, scriptedTarget, startScripted } from "./scripted-imap.ts";
import { attachmentOf } from "../failure-of.ts";

const fields = "Subject: two parts\r\n\r\n";
const raw = [
  "Subject: two parts",
  'Content-Type: multipart/mixed; boundary="b"',
  "",
  "--b",
  "",
  "hello",
  "--b",
  "Content-Type: application/pdf",
  'Content-Disposition: attachment; filename="a.pdf"',
  "Content-Transfer-Encoding: base64",
  "",
  "JVBERg==",
  "--b--",
  "",
].join("\r\n");
const header = `${raw.slice(0, raw.indexOf("\r\n\r\n"))}\r\n\r\n`;

/** A server that gives one message, with its BODYSTRUCTURE as the test wants it, and no part of it by its section. */
async function start(structure: string) {
  return startScripted({
    exists: 1,
    script: (command, tag) => {
      const fetch = /^(?:UID )?FETCH \S+ (.*)$/.exec(command)?.[1];
      if (fetch === undefined) return undefined;
      const items = [`UID 11 FLAGS () INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE ${raw.length}`];
      if (fetch.includes("HEADER.FIELDS")) items.push(fieldsItem(fields));
      if (fetch.includes("BODY.PEEK[HEADER]")) items.push(`BODY[HEADER] {${header.length}}\r\n${header}`);
      if (fetch.includes("BODYSTRUCTURE")) items.push(structure);
      const partial = /BODY\.PEEK\[\]<(\d+)\.(\d+)>/.exec(fetch);
      const some = partial && raw.slice(Number(partial[1]), Number(partial[1]) + Number(partial[2]));
      if (some !== null) items.push(`BODY[]<${partial?.[1]}> {${some.length}}\r\n${some}`);
      const section = /BODY\.PEEK\[(\d[\d.]*)\]/.exec(fetch)?.[1];
      if (section !== undefined) items.push(`BODY[${section}] NIL`);
      return `* 1 FETCH (${items.filter(Boolean).join(" ")})\r\n${tag} OK done\r\n`;
    },
  });
}

const place = { path: "INBOX", uidValidity: 7, uid: 11 };

test.each([
  ["none", ""],
  ["NIL", "BODYSTRUCTURE NIL"],
  ["one that can't be read", 'BODYSTRUCTURE ("text")'],
])("a message with %s for a BODYSTRUCTURE is listed with a warning and read from its octets", async (_, structure) => {
  const server = await start(structure);
  const mailbox = await openImap(scriptedTarget(server));
  try {
    const [listed] = (await mailbox.list("INBOX", { limit: 5, after: null })).messages;
    expect(listed?.structure).toBeNull();
    expect(listed?.warnings).toEqual(["structure-missing"]);

    const { summary, bodies } = await mailbox.get(place, { headers: true, bodies: true });
    expect(summary.warnings).toEqual([]);
    expect(summary.structure?.children.map(({ section, filename }) => [section, filename])).toEqual([
      ["1", null],
      ["2", "a.pdf"],
    ]);
    expect(bodies?.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["hello"]);

    const again = await mailbox.get(place, { structure: true });
    expect(again.summary.structure).toEqual(summary.structure);
    expect((await mailbox.list("INBOX", { limit: 5, after: null })).messages[0]?.warnings).toEqual([]);
    const read = await mailbox.get(place, { bodies: true });
    expect(read.bodies?.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["hello"]);
  } finally {
    await mailbox.close();
    await server.stop();
  }
});

test("a part of a message without a BODYSTRUCTURE is cut out of its octets", async () => {
  const server = await start("");
  const mailbox = await openImap(scriptedTarget(server));
  const octets = async (stream: AsyncIterable<Uint8Array>): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  try {
    await mailbox.get(place, { structure: true });
    expect(await octets(await attachmentOf(mailbox, place, "2"))).toBe("JVBERg==");
    expect(await octets(await attachmentOf(mailbox, place, "2", { start: 2, end: 4 }))).toBe("BER");
    await expect(attachmentOf(mailbox, place, "3")).rejects.toMatchObject({ code: "not-found" });
  } finally {
    await mailbox.close();
    await server.stop();
  }
});

/** Three messages, of which the second has a structure that no reader follows. */
async function startHostile() {
  const part = '("text" "plain" ("a" "b" "c" "d" "e" "f" "g" "h") NIL NIL "7bit" 5 1)';
  const structureOf = (uid: number): string => (uid === 12 ? `(${part.repeat(15_000)} "mixed")` : part);
  return startScripted({
    script: (command, tag) => {
      const [, byUid, from, to = from, items = ""] = /^(UID )?FETCH (\d+)(?::(\d+|\*))? (.*)$/.exec(command) ?? [];
      if (from === undefined) return undefined;
      const rows = [11, 12, 13].flatMap((uid, index) => {
        const number = byUid ? uid : index + 1;
        if (number < Number(from) || number > (to === "*" ? Infinity : Number(to))) return [];
        const told = [`UID ${uid} FLAGS ()`];
        if (items.includes("RFC822.SIZE")) told.push(`RFC822.SIZE ${raw.length}`);
        if (items.includes("HEADER.FIELDS")) told.push(fieldsItem(fields));
        if (items.includes("BODYSTRUCTURE")) told.push(`BODYSTRUCTURE ${structureOf(uid)}`);
        if (items.includes("BODY.PEEK[]")) told.push(`BODY[]<0> {${raw.length}}\r\n${raw}`);
        return [`* ${index + 1} FETCH (${told.join(" ")})\r\n`];
      });
      return `${rows.join("")}${tag} OK done\r\n`;
    },
  });
}

test("one message whose structure breaks the connection costs two sessions, and its folder nothing", async () => {
  const server = await startHostile();
  const account = scriptedTarget(server);
  let mailbox = await openImap(account);
  let lost = 0;
  /** As `reading` does it: once more, on a new session. */
  const trying = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!mailbox.dead || (error as { code?: string }).code !== "upstream-protocol-error") throw error;
      lost++;
      mailbox = await openImap(account);
      return work();
    }
  };
  const missing = async (): Promise<number[]> => {
    const { messages } = await trying(() => mailbox.list("INBOX", { limit: 5, after: null }));
    expect(messages.map(({ place: { uid } }) => uid)).toEqual([13, 12, 11]);
    return messages.flatMap(({ place: { uid }, structure }) => (structure === null ? [uid] : []));
  };
  try {
    expect(await missing()).toEqual([13, 12, 11]);
    expect(await missing()).toEqual([12]);
    expect(await missing()).toEqual([12]);
    const hostile = { path: "INBOX", uidValidity: 7, uid: 12 };
    expect((await trying(() => mailbox.get(hostile, { bodies: true }))).summary.structure?.children).toHaveLength(2);
    expect(await missing()).toEqual([]);
    expect(lost).toBe(2);
  } finally {
    await mailbox.close();
    await server.stop();
  }
});

test("a message whose structure breaks the connection is read on the next one", async () => {
  const server = await startHostile();
  const account = scriptedTarget(server);
  const first = await openImap(account);
  const hostile = { path: "INBOX", uidValidity: 7, uid: 12 };
  await expect(first.get(hostile, { structure: true })).rejects.toMatchObject({ code: "upstream-protocol-error" });
  const second = await openImap(account);
  try {
    expect((await second.get(hostile, { structure: true })).summary.structure?.children).toHaveLength(2);
    const other = await second.get({ ...hostile, uid: 13 }, { structure: true });
    expect(other.summary.structure?.contentType).toBe("text/plain");
  } finally {
    await second.close();
    await server.stop();
  }
});
