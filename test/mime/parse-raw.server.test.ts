import { ImapFlow } from "imapflow";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Part } from "../../src/mail/part.ts";
import { buildMessage } from "../../src/mime/build-message.ts";
import { parseStructure } from "../../src/mime/parse-raw.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import { openOn } from "../protocols/imap/session-on-dovecot.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import { collect } from "./random.ts";
import { rawMessages } from "./raw-messages.ts";

let dovecot: Dovecot;
let client: ImapFlow;
let mailbox: Mailbox;

beforeAll(async () => {
  dovecot = await startDovecot();
  const user = dovecot.user();
  const { username, password } = user;
  client = new ImapFlow({
    host: dovecot.host,
    port: dovecot.ports.imaps,
    secure: true,
    tls: { ca: dovecot.ca },
    auth: { user: username, pass: password },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen("INBOX");
  mailbox = await openOn(dovecot, user);
}, 300_000);

afterAll(async () => {
  await mailbox.close();
  await client.logout();
  await dovecot.stop();
});

/**
 * What both say; of a multipart only its place and type. Dovecot adds a default charset of its own, and counts the line end
 * before a boundary as part of a message whose body is a multipart, where RFC 2046 §5.1.1 gives it to the boundary.
 */
function common(part: Part): unknown {
  const { section, contentType, disposition, filename, contentId, encoding, encodedSize, children } = part;
  if (contentType.startsWith("multipart/")) return { section, contentType, children: children.map(common) };
  const name = part.parameters["name"] ?? null;
  const isCountedOtherwise = children.some((child) => child.contentType.startsWith("multipart/"));
  return {
    section,
    contentType,
    name,
    disposition,
    filename,
    contentId,
    encoding,
    encodedSize: isCountedOtherwise ? null : encodedSize,
    children: children.map(common),
  };
}

async function ask(raw: Buffer): Promise<Part> {
  const appended = await client.append("INBOX", raw);
  if (!appended || appended.uid === undefined) throw new Error("Dovecot did not tell the UID.");
  const place = { path: "INBOX", uidValidity: Number(appended.uidValidity), uid: appended.uid };
  const { structure } = (await mailbox.get(place, {})).summary;
  if (!structure) throw new Error("Dovecot told no BODYSTRUCTURE.");
  return structure;
}

const fields = [
  'Content-Type: Image/PNG; NAME="a b.png"\r\nContent-Disposition: Inline;\r\n\tfilename=c.png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: BASE64',
  "Content-Type: application/pdf (comment)\r\nContent-Disposition: attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf",
  "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*0*=iso-8859-1''Gr%F6; filename*1=sse.pdf",
  'Content-Type: application/pdf; name="=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?="',
  "Content-Type: text/html; charset=koi8-r\r\nContent-Transfer-Encoding: quoted-printable",
].map((header) => ({ name: header, raw: `${header}\r\n\r\nabc\r\n` }));

test.each([...rawMessages, ...fields])("Dovecot says the same of $name", async ({ raw }) => {
  const octets = Buffer.from(raw, "latin1");
  expect(common(parseStructure(octets))).toEqual(common(await ask(octets)));
});

test("Dovecot says the same of what we build", async () => {
  const built = buildMessage({
    from: { name: "Ä", email: "a@example.com" },
    to: [{ name: "", email: "b@example.com" }],
    cc: [],
    replyTo: [],
    subject: "ü",
    text: "ä\n",
    html: "<p>ä</p>",
    attachments: [
      { filename: "Größe.pdf", contentType: "application/pdf", content: Buffer.alloc(1000) },
      { filename: "l.png", contentType: "image/png", content: Buffer.alloc(10), contentId: "l@x" },
      { filename: "m.eml", contentType: "message/rfc822", content: Buffer.from("Subject: x\r\n\r\nhi\r\n") },
    ],
    headers: [],
    messageId: "<x@example.com>",
    date: new Date(),
  });
  const raw = built instanceof Uint8Array ? Buffer.from(built) : await collect(built);
  expect(common(parseStructure(raw))).toEqual(common(await ask(raw)));
});

test("a part's octets are those that its section fetches", async () => {
  for (const { raw } of rawMessages.filter(({ parts }) => parts.length > 1)) {
    const octets = Buffer.from(raw, "latin1");
    await ask(octets);
    for (const part of leaves(parseStructure(octets))) {
      const found = await client.fetchOne("*", { bodyParts: [part.section] });
      const fetched = found ? found.bodyParts?.get(part.section.toLowerCase()) : undefined;
      expect(fetched?.length ?? 0).toBe(part.encodedSize);
    }
  }
});

function leaves(part: Part): Part[] {
  return part.children.length === 0 ? [part] : part.children.flatMap(leaves);
}
