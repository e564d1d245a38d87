import type { SearchFacts } from "../../src/mail/match-search.ts";
import { firstDay, keywords, pick, type Random, words } from "../mail/random-search.ts";

/** A message and what is true of it. */
export type Mail = {
  /** Lines end in CRLF. */
  raw: string;
  facts: { [name in Exclude<keyof SearchFacts, "folders">]-?: NonNullable<SearchFacts[name]> };
};

const encoded = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`;
const second = 1000;

/** A message that a search finds in more ways than one; `n` names it. */
export function randomMail(random: Random, n: number): Mail {
  const phrase = (): string =>
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(random, words)).join(" ");
  const flag = (): boolean => random() < 0.5;
  const person = (who: string): { text: string; field: string } => {
    const name = phrase();
    return { text: `${name} <${who}@x.test>`, field: `${encoded(name)} <${who}@x.test>` };
  };
  const [from, to] = [person("ann"), person("bob")];
  const cc = flag() ? person("carl") : null;
  const [subject, list, body] = [phrase(), flag() ? phrase() : null, phrase()];
  const messageId = `<m${n}@x.test>`;
  const receivedAt = firstDay + Math.floor(random() * 6 * 86_400) * second;
  const file = flag() ? phrase().replaceAll(/["\\]/g, "") : null;
  const fields: [name: string, text: string, field: string][] = [
    ["From", from.text, from.field],
    ["To", to.text, to.field],
    ...(cc === null ? [] : [["Cc", cc.text, cc.field] as [string, string, string]]),
    ["Subject", subject, encoded(subject)],
    ["Message-ID", messageId, messageId],
    ...(list === null ? [] : [["List-Id", list, encoded(list)] as [string, string, string]]),
    ...(flag() ? [["X-Spam", "yes ANN", "yes ANN"] as [string, string, string]] : []),
  ];
  const date = new Date(receivedAt).toUTCString().replace("GMT", "+0000");
  const text = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", body];
  const raw = [
    `Received: from a.test by b.test; ${date}`,
    ...fields.map(([name, , field]) => `${name}: ${field}`),
    "MIME-Version: 1.0",
    ...(file === null
      ? text
      : [
          "Content-Type: multipart/mixed; boundary=b",
          "",
          "--b",
          ...text,
          "--b",
          "Content-Type: application/octet-stream",
          `Content-Disposition: attachment; filename*=utf-8''${encodeURIComponent(file)}`,
          "",
          "x".repeat(Math.floor(random() * 2000)),
          "--b--",
        ]),
    "",
  ].join("\r\n");
  return {
    raw,
    facts: {
      from: from.text,
      to: to.text,
      cc: cc?.text ?? "",
      bcc: "",
      subject,
      messageId,
      headers: fields.map(([name, value]) => ({ name, value })),
      body: [body],
      receivedAt,
      size: Buffer.byteLength(raw),
      flags: { seen: flag(), flagged: flag(), answered: flag(), draft: flag() },
      keywords: keywords.filter(flag),
      hasAttachment: file !== null,
      filenames: file === null ? [] : [file],
    },
  };
}
