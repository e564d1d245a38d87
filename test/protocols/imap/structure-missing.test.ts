import { expect, test } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { fieldsItem, scriptedTarget, startScripted } from "./scripted-imap.ts";

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
    const [listed] = (await mailbox.list("INBOX", { limit: 5, after: null }, {})).messages;
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
    expect((await mailbox.list("INBOX", { limit: 5, after: null }, {})).messages[0]?.warnings).toEqual([]);
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
    expect(await octets(await mailbox.openPart(place, "2"))).toBe("JVBERg==");
    expect(await octets(await mailbox.openPart(place, "2", { start: 2, end: 4 }))).toBe("BER");
    await expect(mailbox.openPart(place, "3")).rejects.toMatchObject({ code: "not-found" });
  } finally {
    await mailbox.close();
    await server.stop();
  }
});

test("one message whose structure breaks the connection does not make its folder unlistable", async () => {
  const part = '("text" "plain" ("a" "b" "c" "d" "e" "f" "g" "h") NIL NIL "7bit" 5 1)';
  const server = await start(`BODYSTRUCTURE (${part.repeat(15_000)} "mixed")`);
  const account = scriptedTarget(server);
  const first = await openImap(account);
  await expect(first.list("INBOX", { limit: 5, after: null }, {})).rejects.toMatchObject({
    code: "upstream-protocol-error",
  });
  expect(first.dead).toBe(true);
  const second = await openImap(account);
  try {
    const [listed] = (await second.list("INBOX", { limit: 5, after: null }, {})).messages;
    expect(listed?.warnings).toEqual(["structure-missing"]);
    const { summary } = await second.get(place, { bodies: true });
    expect(summary.structure?.children).toHaveLength(2);
    expect(second.dead).toBe(false);
  } finally {
    await second.close();
    await server.stop();
  }
});
