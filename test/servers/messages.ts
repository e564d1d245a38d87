/** A made-up message: the same number and seed give the same bytes. */
export interface MadeMessage {
  messageId: string;
  subject: string;
  date: Date;
  /** Maildir flag letters, in ASCII order. */
  flags: string;
  /** Lines end in LF, as in a Maildir. */
  raw: Buffer;
}

const people = [
  ["Ada Lovelace", "ada@analytical.test"],
  ["Grace Hopper", "grace@navy.test"],
  ["Jürgen Müller", "j.mueller@werkstatt.test"],
  ["Nguyễn Thị Lan", "lan@hanoi.test"],
  ["O'Brien, Siobhán", "siobhan@dublin.test"],
  ["山田 太郎", "taro.yamada@tokyo.test"],
  ["Billing", "no-reply@billing.test"],
  ["Support", "support@helpdesk.test"],
] as const;
const words =
  "invoice meeting quarterly report draft contract shipping update question offer release schedule travel budget review réunion Angebot größer naïve café next final urgent old new about for from with and the our your".split(
    " ",
  );
const firstDate = Date.UTC(2024, 0, 1, 8);
const apart = 7 * 60 * 1000;

/** Makes message `number`: plain, with an HTML alternative, or with a small attachment; about a third are replies. */
export function makeMessage(number: number, to: string, seed = 1): MadeMessage {
  const random = randomNumbers(seed * 1_000_003 + number);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const phrase = (length: number): string => Array.from({ length }, () => pick(words)).join(" ");

  const answers = number > 0 && random() < 0.3 ? Math.floor(random() * number) : undefined;
  const subject = (answers === undefined ? "" : "Re: ") + phrase(2 + Math.floor(random() * 6));
  const [name, address] = pick(people);
  const date = new Date(firstDate + number * apart);
  const messageId = idOf(number, seed);
  const headers = [
    `Return-Path: <${address}>`,
    `Received: from mx.elsewhere.test (mx.elsewhere.test [192.0.2.7])\n\tby mail.postern.test with ESMTPS; ${rfc5322(date)}`,
    `From: ${encodedWord(name)} <${address}>`,
    `To: ${to}`,
    ...(random() < 0.2 ? [`Cc: ${encodedWord(people[0][0])} <${people[0][1]}>`] : []),
    `Subject: ${encodedWord(subject)}`,
    `Date: ${rfc5322(date)}`,
    `Message-ID: ${messageId}`,
    ...(answers === undefined ? [] : [`In-Reply-To: ${idOf(answers, seed)}`, `References: ${idOf(answers, seed)}`]),
    "MIME-Version: 1.0",
  ];
  const paragraphs = Array.from({ length: 1 + Math.floor(random() * 8) }, () => phrase(8 + Math.floor(random() * 40)));
  const kind = random();
  const body =
    kind < 0.6 ? text(paragraphs) : kind < 0.85 ? alternative(paragraphs, number) : mixed(paragraphs, number, random);
  const flags = [random() < 0.05 ? "F" : "", random() < 0.1 ? "R" : "", random() < 0.7 ? "S" : ""].join("");
  return { messageId, subject, date, flags, raw: Buffer.from(`${headers.join("\n")}\n${body}`) };
}

const idOf = (number: number, seed: number): string => `<made-${seed}-${number}@elsewhere.test>`;

const text = (paragraphs: string[]): string =>
  `Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n${paragraphs.map(quotedPrintable).join("\n\n")}\n`;

const html = (paragraphs: string[]): string =>
  `Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${base64(Buffer.from(`<html><body>${paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join("\n")}</body></html>`))}\n`;

const alternative = (paragraphs: string[], number: number): string =>
  multipart("alternative", `=_alt_${number}`, [text(paragraphs), html(paragraphs)]);

function mixed(paragraphs: string[], number: number, random: () => number): string {
  const bytes = Buffer.alloc(500 + Math.floor(random() * 6000), `row,${number},${random()}\n`);
  const attachment = `Content-Type: text/csv; name="rows-${number}.csv"\nContent-Disposition: attachment; filename="rows-${number}.csv"\nContent-Transfer-Encoding: base64\n\n${base64(bytes)}\n`;
  return multipart("mixed", `=_mix_${number}`, [alternative(paragraphs, number), attachment]);
}

const multipart = (subtype: string, boundary: string, parts: string[]): string =>
  `Content-Type: multipart/${subtype}; boundary="${boundary}"\n\n${parts.map((part) => `--${boundary}\n${part}`).join("\n")}\n--${boundary}--\n`;

const base64 = (bytes: Buffer): string => bytes.toString("base64").replace(/.{76}/g, "$&\n");

function encodedWord(value: string): string {
  if (!/[^\x20-\x7e]/.test(value)) return /[,']/.test(value) ? `"${value}"` : value;
  const pieces = value.match(/.{1,12}/gu) ?? []; // at most 48 bytes each: an encoded word has 75 characters
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString("base64")}?=`).join("\n ");
}

function quotedPrintable(paragraph: string): string {
  const escaped = paragraph.replace(/[^\x20-\x3c\x3e-\x7e]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
  return (escaped.match(/.{1,72}(?<!=.?)/g) ?? []).join("=\n"); // never within an escape
}

function rfc5322(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}

/** Small and seeded: the numbers need to look mixed, no more. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixing = Math.imul(state ^ (state >>> 15), state | 1);
    mixing ^= mixing + Math.imul(mixing ^ (mixing >>> 7), mixing | 61);
    return ((mixing ^ (mixing >>> 14)) >>> 0) / 2 ** 32;
  };
}
