import { expect, test } from "vitest";
import { parseStructure } from "../../src/mime/parse-raw.ts";
import { preview } from "../../src/mime/preview.ts";
import { readBeginning } from "../../src/mime/read-beginning.ts";
import { readMessage } from "../../src/mime/read-message.ts";
import { readParts } from "../../src/mime/read-parts.ts";
import { findPart } from "../../src/mime/walk.ts";

const raw = Buffer.from(
  [
    "Subject: x",
    "Content-Type: multipart/mixed; boundary=b",
    "",
    "--b",
    "Content-Type: message/rfc822",
    "",
    "Content-Type: text/plain",
    "",
    "forwarded",
    "--b",
    "Content-Type: text/html",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "<p>caf=C3=A9 and more</p>",
    "--b",
    "Content-Type: image/png",
    "",
    "an image",
    "--b",
    "Content-Type: text/calendar",
    "",
    "BEGIN:VCALENDAR",
    "--b--",
    "",
  ].join("\r\n"),
);

async function* inPieces(of: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < of.length; at += size) yield of.subarray(at, at + size);
}

test("a beginning is of the message's own text, at whatever line the message is cut", async () => {
  const whole = readBeginning(raw, { octets: 100, isWhole: true });
  expect([whole?.part.section, whole?.truncated]).toEqual(["2", false]);
  // A multipart message whose first boundary has not come looks like a text.
  for (let end = raw.indexOf("--b") + 3; end <= raw.length; end++) {
    if (raw[end - 1] !== 0x0a) continue;
    const found = readBeginning(raw.subarray(0, end), { octets: 100, isWhole: false });
    const bytes = Buffer.from(found?.bytes ?? []);
    // Whether a line end is the boundary's is known only behind that.
    const rest = `${Buffer.from(whole?.bytes ?? []).toString()}\r\n--b`;
    expect(bytes.length === 0 || (found?.part.section === "2" && rest.startsWith(bytes.toString()))).toBe(true);
    const text = found ? await preview(found.part, found.bytes, found.truncated) : "";
    expect([end, "café and more".slice(0, text.length)]).toEqual([end, text]);
  }
  const cut = readBeginning(raw, { octets: 5, isWhole: true });
  expect([Buffer.from(cut?.bytes ?? []).toString(), cut?.truncated]).toEqual(["<p>ca", true]);
});

test("a message without text begins with nothing", () => {
  const picture = Buffer.from("Content-Type: image/png\r\n\r\nxyz\r\n");
  expect(readBeginning(picture, { octets: 100, isWhole: true })).toBeNull();
});

test.each([1, 7, 1000])("parts are cut out of a message in pieces of %i", async (size) => {
  const structure = parseStructure(raw);
  const wanted = ["3", "2"].map((section) => findPart(structure, section)).filter((part) => part !== null);
  const missing = { ...structure, section: "9", children: [] };
  const asked = [...wanted.map((part) => ({ part, length: 8 })), { part: missing, length: 8 }];
  const told = await readParts(inPieces(raw, size), asked);
  expect(told.map(({ bytes, truncated }) => [Buffer.from(bytes).toString(), truncated])).toEqual([
    ["an image", false],
    ["<p>caf=C", true],
    ["", false],
  ]);
});

test("a calendar comes along with the texts", async () => {
  const { bodies } = await readMessage(inPieces(raw, 10));
  expect(bodies.map(({ part, bytes }) => [part.contentType, Buffer.from(bytes).toString()])).toEqual([
    ["text/html", "<p>caf=C3=A9 and more</p>"],
    ["text/calendar", "BEGIN:VCALENDAR"],
  ]);
});
