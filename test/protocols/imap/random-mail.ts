import type { SearchFacts } from "../../../src/mail/match-search.ts";
import { firstDay, keywords, pick, type Random, words } from "../../mail/random-search.ts";

/** A message that is stored, and all that is true of it once it is. */
export type RandomMail = { raw: Buffer; facts: SearchFacts };

const people = ["Ann Café", "GRÖSSE Bob", "", "日本 taro", "Q3 Report Team", "Straße, Ann"];
const hosts = ["x.test", "Report.test", "ann.example"];

/** Mail as programs write it: encoded-words in several charsets, folded lines, alternatives, attachments. */
export function randomMail(random: Random, number: number): RandomMail {
  const phrase = (most: number): string =>
    Array.from({ length: Math.floor(random() * most) }, () => pick(random, words)).join(" ");
  const address = (): [name: string, email: string] => [
    pick(random, people),
    `${pick(random, ["ann", "bob", "q3"])}@${pick(random, hosts)}`,
  ];
  const addresses = (most: number): [string, string][] => Array.from({ length: Math.floor(random() * most) }, address);

  const from = [address()];
  const [to, cc, bcc] = [addresses(4), addresses(3), addresses(2)];
  const subject = phrase(8);
  const messageId = random() < 0.1 ? null : `<m${Math.floor(random() * 5)}@x.test>`;
  const listId = random() < 0.3 ? phrase(3) : null;
  const hasAttachment = random() < 0.4;
  const filename = `${pick(random, ["report", "größe", "日本"])}${number}.txt`;
  const texts = [phrase(12)];
  const fields: [name: string, value: string, text: string][] = [
    ["From", addressField(random, from), addressText(from)],
    ...(to.length > 0 ? [["To", addressField(random, to), addressText(to)] as [string, string, string]] : []),
    ...(cc.length > 0 ? [["cC", addressField(random, cc), addressText(cc)] as [string, string, string]] : []),
    ...(bcc.length > 0 ? [["Bcc", addressField(random, bcc), addressText(bcc)] as [string, string, string]] : []),
    ["Subject", encoded(random, subject), subject],
    ...(messageId === null ? [] : [["Message-ID", messageId, messageId] as [string, string, string]]),
    ...(listId === null ? [] : [["List-Id", encoded(random, listId), listId] as [string, string, string]]),
    ["MIME-Version", "1.0", "1.0"],
  ];
  const header = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const text = `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(texts[0] ?? "")}\r\n`;
  const attached = `Content-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n filename*=utf-8''${encodeURIComponent(filename)}\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines("ann".repeat(Math.floor(random() * 500)))}\r\n`;
  const body = hasAttachment
    ? `Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n${text}\r\n--b\r\n${attached}\r\n--b--\r\n`
    : text;
  const raw = Buffer.from(header + body);
  const flag = (): boolean => random() < 0.5;
  return {
    raw,
    facts: {
      from: addressText(from),
      to: addressText(to),
      cc: addressText(cc),
      bcc: addressText(bcc),
      subject,
      messageId,
      headers: fields.map(([name, , value]) => ({ name, value })),
      receivedAt: firstDay + Math.floor(random() * 6 * 24) * 3_600_000 + pick(random, [0, 0, -1000, 1000]),
      size: raw.length,
      flags: { seen: flag(), flagged: flag(), answered: flag(), draft: flag() },
      keywords: keywords.filter(flag),
      hasAttachment,
      filenames: hasAttachment ? [filename] : [],
      folders: ["inbox"],
    },
  };
}

function addressText(all: [name: string, email: string][]): string {
  return all.map(([name, email]) => (name === "" ? email : `${name} <${email}>`)).join(", ");
}

function addressField(random: Random, all: [name: string, email: string][]): string {
  return all
    .map(([name, email]) => (name === "" ? email : `${/^[\w ]*$/.test(name) ? name : word(random, name)} <${email}>`))
    .join(",\r\n\t");
}

/** Text as a header has it: as it stands, folded, or in one encoded-word or several. */
function encoded(random: Random, text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && random() < 0.7) return text.replaceAll(" ", random() < 0.3 ? "\r\n " : " ");
  const letters = Array.from(text);
  const middle = Math.floor(random() * letters.length);
  const halves = random() < 0.5 ? [text] : [letters.slice(0, middle).join(""), letters.slice(middle).join("")];
  return halves.map((half) => word(random, half)).join("\r\n ");
}

function word(random: Random, text: string): string {
  // oxlint-disable-next-line no-control-regex
  const isLatin1 = /^[\0-\xff]*$/.test(text) && random() < 0.5;
  const octets = Buffer.from(text, isLatin1 ? "latin1" : "utf8");
  const charset = isLatin1 ? "ISO-8859-1" : "utf-8";
  if (random() < 0.5) return `=?${charset}?B?${octets.toString("base64")}?=`;
  const quoted = octets.toString("latin1").replace(/[^A-Za-z0-9]/g, (octet) => {
    return octet === " " ? "_" : `=${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
  return `=?${charset}?q?${quoted}?=`;
}

function lines(text: string): string {
  return Buffer.from(text).toString("base64").replace(/.{76}/g, "$&\r\n");
}
