import {
  base64,
  binary,
  type CorpusMessage,
  file,
  hex,
  lines,
  mail,
  multipart,
  part,
  pdfFile,
  pdfPart,
  utf8,
} from "./corpus.ts";

const plain = (text: string) => part(["Content-Type: text/plain; charset=utf-8"], text);
const html = (text: string) => part(["Content-Type: text/html; charset=utf-8"], text);
const image = `\x89PNG${binary}`;
const png = (...fields: string[]) =>
  part(["Content-Type: image/png", "Content-Transfer-Encoding: base64", ...fields], base64(image));
const inner = lines("From: Carl <carl@example.com>", "Subject: inner", "", "inside");
const attached = (type: string, name: string | null, ...fields: string[]) => [
  `Content-Type: ${type}`,
  `Content-Disposition: attachment${name === null ? "" : `; filename="${name}"`}`,
  ...fields,
];

/** Messages in messages, `depth` of them. */
function nested(depth: number): string {
  return depth === 0
    ? inner
    : lines("Subject: level") +
        multipart("mixed", `level${depth}`, [part(["Content-Type: message/rfc822"], nested(depth - 1))]);
}

/** What a part that is a whole message holds: without the line end that the boundary takes. */
const usual: CorpusMessage[] = [
  mail("structure: text alone", [], "\r\nHi.\r\n", { text: "Hi.\n" }),
  mail("structure: html alone", ["Content-Type: text/html; charset=utf-8"], "\r\n<p>Hi.</p>\r\n", {
    html: "<p>Hi.</p>\n",
  }),
  mail("structure: alternative", [], multipart("alternative", "b", [plain("Hi."), html("<p>Hi.</p>")]), {
    text: "Hi.",
    html: "<p>Hi.</p>",
  }),
  mail(
    "structure: alternative in related in mixed",
    [],
    multipart("mixed", "a", [
      multipart("related", "ab", [
        multipart("alternative", "abc", [plain("Hi."), html('<img src="cid:logo@x">')]),
        png("Content-ID: <logo@x>", 'Content-Disposition: inline; filename="logo.png"'),
      ]),
      pdfPart(),
    ]),
    {
      text: "Hi.",
      html: '<img src="cid:logo@x">',
      files: [file("logo.png", "image/png", image, { inline: true }), pdfFile()],
    },
  ),
  mail(
    "structure: text between files, as Apple Mail writes it",
    [],
    multipart("mixed", "a", [
      plain("one"),
      png('Content-Disposition: inline; filename="photo.png"'),
      plain("two"),
      pdfPart(),
      plain("three"),
    ]),
    { text: "one\ntwo\nthree", files: [file("photo.png", "image/png", image), pdfFile()] },
  ),
  mail(
    "structure: an invitation",
    [],
    multipart("alternative", "b", [
      plain("Come!"),
      html("<p>Come!</p>"),
      part(["Content-Type: text/calendar; charset=utf-8; method=REQUEST"], lines("BEGIN:VCALENDAR", "END:VCALENDAR")),
    ]),
    {
      text: "Come!",
      html: "<p>Come!</p>",
      files: [file(null, "text/calendar", lines("BEGIN:VCALENDAR", "END:VCALENDAR"))],
    },
  ),
  mail(
    "structure: a calendar alone",
    ["Content-Type: text/calendar; method=CANCEL"],
    `\r\n${lines("BEGIN:VCALENDAR")}`,
    {
      files: [file(null, "text/calendar", lines("BEGIN:VCALENDAR"))],
    },
  ),
  mail(
    "structure: a file alone",
    ["Content-Type: application/zip", "Content-Transfer-Encoding: base64"],
    `\r\n${base64(binary)}\r\n`,
    {
      files: [file(null, "application/zip", binary)],
    },
  ),
  mail(
    "structure: 100 attachments",
    [],
    multipart("mixed", "b", [
      plain("all"),
      ...Array.from({ length: 100 }, (_, n) =>
        part(
          [...attached("application/octet-stream", `${n}.bin`), "Content-Transfer-Encoding: base64"],
          base64(`${n} ${binary}`),
        ),
      ),
    ]),
    {
      text: "all",
      files: Array.from({ length: 100 }, (_, n) => file(`${n}.bin`, "application/octet-stream", `${n} ${binary}`)),
    },
  ),
  mail(
    "structure: signed",
    [],
    multipart(
      "signed",
      "s",
      [
        multipart("mixed", "m", [plain("signed"), pdfPart()]),
        part(
          ["Content-Type: application/pgp-signature", 'Content-Disposition: attachment; filename="signature.asc"'],
          "-----BEGIN PGP",
        ),
      ],
      '; micalg=pgp-sha256; protocol="application/pgp-signature"',
    ),
    { text: "signed", files: [pdfFile(), file("signature.asc", "application/pgp-signature", "-----BEGIN PGP")] },
  ),
  mail(
    "structure: encrypted",
    [],
    multipart(
      "encrypted",
      "e",
      [
        part(["Content-Type: application/pgp-encrypted"], "Version: 1"),
        part(["Content-Type: application/octet-stream; name=encrypted.asc"], "-----BEGIN PGP MESSAGE-----"),
      ],
      '; protocol="application/pgp-encrypted"',
    ),
    {
      files: [
        file(null, "application/pgp-encrypted", "Version: 1"),
        file("encrypted.asc", "application/octet-stream", "-----BEGIN PGP MESSAGE-----"),
      ],
    },
  ),
  mail(
    "structure: a bounce",
    ["From: Mail Delivery System <MAILER-DAEMON@example.com>"],
    multipart(
      "report",
      "r",
      [
        plain("It could not be delivered."),
        part(["Content-Type: message/delivery-status"], lines("Reporting-MTA: dns; mx.example", "", "Action: failed")),
        part(["Content-Type: message/rfc822"], inner),
      ],
      "; report-type=delivery-status",
    ),
    {
      from: { name: "Mail Delivery System", email: "MAILER-DAEMON@example.com" },
      text: "It could not be delivered.",
      files: [
        file(null, "message/delivery-status", lines("Reporting-MTA: dns; mx.example", "", "Action: failed")),
        file(null, "message/rfc822", inner),
      ],
    },
  ),
  mail(
    "structure: a receipt",
    [],
    multipart(
      "report",
      "r",
      [
        plain("It was read."),
        part(["Content-Type: message/disposition-notification"], "Disposition: manual-action; displayed"),
        part(["Content-Type: text/rfc822-headers"], "Subject: x"),
      ],
      "; report-type=disposition-notification",
    ),
    {
      text: "It was read.",
      files: [
        file(null, "message/disposition-notification", "Disposition: manual-action; displayed"),
        file(null, "text/rfc822-headers", "Subject: x"),
      ],
    },
  ),
  mail(
    "structure: winmail.dat",
    [],
    multipart("mixed", "b", [
      plain("see"),
      part(
        [...attached("application/ms-tnef", "winmail.dat"), "Content-Transfer-Encoding: base64"],
        base64(`x\x9f>"${binary}`),
      ),
    ]),
    { text: "see", files: [file("winmail.dat", "application/ms-tnef", `x\x9f>"${binary}`)] },
  ),
  mail("structure: enriched text alone", ["Content-Type: text/enriched"], "\r\n<bold>Hi.</bold>\r\n", {
    files: [file(null, "text/enriched", "<bold>Hi.</bold>\r\n")],
  }),
  mail(
    "structure: enriched text and plain text",
    [],
    multipart("alternative", "b", [plain("Hi."), part(["Content-Type: text/enriched"], "<bold>Hi.</bold>")]),
    {
      text: "Hi.",
      files: [file(null, "text/enriched", "<bold>Hi.</bold>")],
    },
  ),
  mail(
    "structure: types nobody knows",
    [],
    multipart("x-odd", "b", [plain("Hi."), part(["Content-Type: x-a/x-b"], "?")]),
    {
      text: "Hi.",
      files: [file(null, "x-a/x-b", "?")],
    },
  ),
  mail(
    "structure: an external body",
    ["Content-Type: message/external-body; access-type=local-file; name=/etc/passwd"],
    "\r\nContent-Type: text/plain\r\n\r\n",
    {
      files: [file("passwd", "message/external-body", "Content-Type: text/plain\r\n\r\n")],
      dovecot: {
        because: "Dovecot reads an unquoted value as a token, which holds no / (RFC 2045 §5.1)",
        facts: { files: [file(null, "message/external-body", "Content-Type: text/plain\r\n\r\n")] },
      },
    },
  ),
  mail(
    "structure: a text that says it is a file",
    ["Content-Type: text/plain", "Content-Disposition: attachment"],
    "\r\nHi.\r\n",
    {
      files: [file(null, "text/plain", "Hi.\r\n")],
    },
  ),
];

const shown: CorpusMessage[] = [
  mail("shown: two pages", [], multipart("mixed", "b", [html("<p>1</p>"), pdfPart(), html("<p>2</p>")]), {
    html: "<p>1</p>\n<p>2</p>",
    files: [pdfFile()],
  }),
  mail(
    "shown: two charsets",
    [],
    multipart("mixed", "b", [
      part(["Content-Type: text/plain; charset=koi8-r", "Content-Transfer-Encoding: 8bit"], hex("f0d2c9d7c5d4")),
      part(["Content-Type: text/plain; charset=gbk", "Content-Transfer-Encoding: base64"], base64(hex("c4e3bac3"))),
      part(["Content-Type: text/plain", "Content-Transfer-Encoding: 8bit"], utf8("Grüße")),
    ]),
    { text: "Привет\n你好\nGrüße" },
  ),
  mail(
    "shown: a named text first, and one that is a file",
    [],
    multipart("mixed", "b", [
      part(["Content-Type: text/plain; name=body.txt"], "Hi."),
      part(["Content-Type: text/plain; name=log.txt", "Content-Disposition: inline"], "log"),
    ]),
    { text: "Hi.", files: [file("log.txt", "text/plain", "log")] },
  ),
  mail(
    "shown: an image with an id but no disposition, in mixed",
    [],
    multipart("mixed", "b", [html('<img src="cid:i@x">'), png("Content-ID: <i@x>")]),
    {
      html: '<img src="cid:i@x">',
      files: [file(null, "image/png", image, { inline: true })],
    },
  ),
  mail(
    "shown: related whose start is the second",
    [],
    multipart(
      "related",
      "b",
      [png("Content-ID: <i@x>"), part(["Content-Type: text/html", "Content-ID: <root@x>"], "<p>")],
      '; start="<root@x>"; type="text/html"',
    ),
    {
      html: "<p>",
      files: [file(null, "image/png", image, { inline: true })],
    },
  ),
  mail("shown: an empty html beside a text", [], multipart("alternative", "b", [plain("Hi."), html("")]), {
    text: "Hi.",
    html: "",
  }),
  mail(
    "shown: an encoding in quotes",
    ["Content-Type: text/plain; charset=utf-8", 'Content-Transfer-Encoding: "quoted-printable"'],
    "\r\nK=C3=B6ln\r\n",
    {
      text: "Köln\n",
      dovecot: {
        because: "Dovecot tells no encoding that is not a token (RFC 2045 §6.1)",
        facts: { text: "K=C3=B6ln\n" },
      },
    },
  ),
  mail(
    "shown: a charset twice",
    ["Content-Type: text/plain; charset=koi8-r; charset=utf-8"],
    `\r\n${hex("f0d2c9d7c5d4")}\r\n`,
    { text: "Привет\n" },
  ),
];

const messages: CorpusMessage[] = [
  mail(
    "message: forwarded",
    [],
    multipart("mixed", "b", [plain("see"), part(attached("message/rfc822", "fwd.eml"), inner)]),
    {
      text: "see",
      files: [file("fwd.eml", "message/rfc822", inner)],
    },
  ),
  mail(
    "message: forwarded with a file inside",
    [],
    multipart("mixed", "b", [
      plain("see"),
      part(
        attached("message/rfc822", "fwd.eml"),
        lines("Subject: inner") + multipart("mixed", "c", [plain("in"), pdfPart()]),
      ),
    ]),
    {
      text: "see",
      files: [
        file("fwd.eml", "message/rfc822", lines("Subject: inner") + multipart("mixed", "c", [plain("in"), pdfPart()])),
      ],
    },
  ),
  mail(
    "message: forwarded in base64",
    [],
    multipart("mixed", "b", [
      plain("see"),
      part(attached("message/rfc822", "fwd.eml", "Content-Transfer-Encoding: base64"), base64(inner)),
    ]),
    {
      text: "see",
      files: [file("fwd.eml", "message/rfc822", inner)],
    },
  ),
  mail(
    "message: forwarded in quoted-printable",
    [],
    multipart("mixed", "b", [
      plain("see"),
      part(
        attached("message/rfc822", "fwd.eml", "Content-Transfer-Encoding: quoted-printable"),
        "Subject: in=\r\nner\r\n\r\nGr=C3=BC=C3=9Fe",
      ),
    ]),
    {
      text: "see",
      files: [file("fwd.eml", "message/rfc822", utf8("Subject: inner\r\n\r\nGrüße"))],
    },
  ),
  mail(
    "message: five deep",
    [],
    multipart("mixed", "b", [plain("see"), part(["Content-Type: message/rfc822"], nested(5))]),
    {
      text: "see",
      files: [file(null, "message/rfc822", nested(5))],
    },
  ),
  mail("message: a digest", [], multipart("digest", "b", [part([], inner), part([], lines("Subject: two", "", "2"))]), {
    files: [file(null, "message/rfc822", inner), file(null, "message/rfc822", lines("Subject: two", "", "2"))],
  }),
  mail(
    "message: message/global",
    [],
    multipart("mixed", "b", [
      plain("see"),
      part(attached("message/global", "u8.eml"), utf8("Subject: Grüße\r\n\r\nHallo")),
    ]),
    {
      text: "see",
      files: [file("u8.eml", "message/global", utf8("Subject: Grüße\r\n\r\nHallo"))],
    },
  ),
  mail("message: nothing but a message", ["Content-Type: message/rfc822"], `\r\n${inner}`, {
    files: [file(null, "message/rfc822", inner)],
  }),
];

const flow = (name: string, body: string, text: string, parameters = "") =>
  mail(`flowed: ${name}`, [`Content-Type: text/plain; charset=utf-8; format=flowed${parameters}`], `\r\n${body}`, {
    text,
  });

const flowed: CorpusMessage[] = [
  flow("paragraphs", lines("one ", "two", "", "three"), "one two\n\nthree\n"),
  flow("quotes", lines("> a ", "> b", ">> c ", ">> d", "e"), "> a b\n>> c d\ne\n"),
  flow("space-stuffing", lines(" From here", " >no quote", "  two"), "From here\n>no quote\n two\n"),
  flow("a signature", lines("bye ", "-- ", "me"), "bye \n-- \nme\n"),
  flow("DelSp", lines("Donau ", "dampf ", " fahrt"), "Donaudampffahrt\n", "; delsp=yes"),
  flow("names in upper case", lines("one ", "two"), "one two\n", "; FORMAT=Flowed; DELSP=No"),
];

/** Multiparts from one level down to the 400th. */
function deep(from: number): string {
  const levels = Array.from({ length: 400 - from }, (_, index) => from + index);
  return `${levels.map((level) => `Content-Type: multipart/mixed; boundary=b${level}.\r\n\r\n--b${level}.\r\n`).join("")}\r\nHi.\r\n`;
}

const open = "Content-Type: multipart/mixed; boundary=";
const madeUp = {
  because: "BODYSTRUCTURE has no multipart without parts (RFC 9051 §9), so Dovecot makes up an empty one",
  isListedWithoutStructure: true as const,
};

const boundaries: CorpusMessage[] = [
  mail(
    "boundary: preamble and epilogue",
    [],
    multipart("mixed", "b", [plain("Hi."), pdfPart()]).replace("\r\n\r\n", "\r\n\r\nno part\r\n") +
      "no part either\r\n",
    {
      text: "Hi.",
      files: [pdfFile()],
    },
  ),
  mail("boundary: never closed", [], `${open}b\r\n\r\n--b\r\n${plain("Hi.")}\r\n--b\r\n${pdfPart()}\r\n`, {
    text: "Hi.",
    files: [pdfFile()],
  }),
  mail(
    "boundary: cut in the middle of a file",
    [],
    `${open}b\r\n\r\n--b\r\n${plain("Hi.")}\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0`,
    {
      text: "Hi.",
      files: [file(null, "application/pdf", "%PDF-")],
    },
  ),
  mail("boundary: white space behind it", [], `${open}b\r\n\r\n--b \t\r\n${plain("Hi.")}\r\n--b--  \r\n`, {
    text: "Hi.",
  }),
  mail(
    "boundary: one is the beginning of another",
    [],
    multipart("mixed", "b", [multipart("alternative", "bb", [plain("Hi."), html("<p>Hi.</p>")]), pdfPart()]),
    {
      text: "Hi.",
      html: "<p>Hi.</p>",
      files: [pdfFile()],
    },
  ),
  mail(
    "boundary: the same inside and outside",
    [],
    `${open}b\r\n\r\n--b\r\n${open}b\r\n\r\n--b\r\n${plain("Hi.")}\r\n--b--\r\n--b--\r\n`,
    { text: "Hi." },
  ),
  mail("boundary: odd characters, quoted", [], multipart("mixed", "=_'()+_,-./:=? x", [plain("Hi."), pdfPart()]), {
    text: "Hi.",
    files: [pdfFile()],
  }),
  mail("boundary: a comment behind it", [], `${open}b (the boundary)\r\n\r\n--b\r\n${plain("Hi.")}\r\n--b--\r\n`, {
    text: "Hi.",
  }),
  mail(
    "boundary: the inner one never closed",
    [],
    `${open}out\r\n\r\n--out\r\n${open}in\r\n\r\n--in\r\n${plain("one")}\r\n--out\r\n${plain("two")}\r\n--out--\r\n`,
    {
      text: "one\ntwo",
    },
  ),
  mail("boundary: missing in the field", ["Content-Type: multipart/mixed"], "\r\n--b\r\n\r\nHi.\r\n--b--\r\n", {
    text: "--b\n\nHi.\n--b--\n",
    dovecot: madeUp,
  }),
  mail(
    "boundary: another one in the body",
    ["Content-Type: multipart/mixed; boundary=a"],
    "\r\n--b\r\n\r\nHi.\r\n--b--\r\n",
    { text: "--b\n\nHi.\n--b--\n", dovecot: madeUp },
  ),
  mail("boundary: a multipart without parts", [], `${open}b\r\n\r\n--b--\r\n`, { dovecot: madeUp }),
  mail(
    "boundary: parts without a body",
    [],
    `${open}b\r\n\r\n--b\r\n\r\n--b\r\nContent-Type: application/pdf\r\n--b--\r\n`,
    {
      text: "",
      files: [file(null, "application/pdf", "")],
    },
  ),
  mail(
    "boundary: an inner one that is nowhere",
    [],
    multipart("mixed", "b", [plain("Hi."), `${open}x\r\n\r\nlost\r\n`, pdfPart()]),
    {
      text: "Hi.",
      files: [pdfFile()],
    },
  ),
  mail(
    "boundary: an inner one missing in the field",
    [],
    multipart("mixed", "b", [plain("Hi."), part(["Content-Type: multipart/mixed"], "shown"), pdfPart()]),
    {
      text: "Hi.\nshown",
      files: [pdfFile()],
      dovecot: {
        because: "BODYSTRUCTURE has no multipart without parts (RFC 9051 §9), so Dovecot makes up an empty one",
        facts: { text: "Hi." },
      },
    },
  ),
  mail("boundary: 200 characters", [], multipart("mixed", "x".repeat(200), [plain("Hi."), pdfPart()]), {
    text: "Hi.",
    files: [pdfFile()],
  }),
  mail(
    "boundary: RFC 2231",
    [],
    `Content-Type: multipart/mixed; boundary*0="a"; boundary*1="b"\r\n\r\n--ab\r\n${plain("Hi.")}\r\n--ab--\r\n`,
    { text: "Hi." },
  ),
  mail(
    "boundary: two in the field",
    [],
    `Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n${plain("Hi.")}\r\n--a--\r\n`,
    { text: "Hi." },
  ),
  mail(
    "boundary: quotes that never close",
    [],
    `Content-Type: multipart/mixed; boundary="a\r\n\r\n--a\r\n${plain("Hi.")}\r\n--a--\r\n`,
    { text: "Hi.", dovecot: madeUp },
  ),
  mail("boundary: dashes alone", [], multipart("mixed", "----", [plain("Hi."), pdfPart()]), {
    text: "Hi.",
    files: [pdfFile()],
  }),
  mail("boundary: bare LF", [], multipart("mixed", "b", [plain("Hi."), pdfPart()]).replaceAll("\r\n", "\n"), {
    text: "Hi.",
    files: [pdfFile()],
  }),
  mail("boundary: multiparts 400 deep", [], deep(0), {
    // 100 levels are told apart; the rest is one file.
    files: [file(null, "application/octet-stream", deep(100).slice(deep(100).indexOf("--")))],
    dovecot: { because: "imapflow gives up on a BODYSTRUCTURE so deep", isListedWithoutStructure: true },
  }),
];

const typed = (name: string, fields: string[], facts: Parameters<typeof mail>[3]) =>
  mail(`type: ${name}`, fields, "\r\nHi.\r\n", facts);

const types: CorpusMessage[] = [
  typed("none", [], { text: "Hi.\n" }),
  typed("empty", ["Content-Type:"], { text: "Hi.\n" }),
  typed("garbage", ["Content-Type: ;;;///"], { text: "Hi.\n" }),
  typed("one word", ["Content-Type: text"], { text: "Hi.\n" }),
  typed("upper case", ["Content-Type: TEXT/HTML; CHARSET=UTF-8"], { html: "Hi.\n" }),
  typed("parameters without a semicolon", ["Content-Type: text/html charset=utf-8"], {
    html: "Hi.\n",
    dovecot: {
      because: "BODYSTRUCTURE tells text/plain for a Content-Type that Dovecot can't parse to its end (RFC 2045 §5.2)",
      facts: { html: null, text: "Hi.\n" },
    },
  }),
  typed("twice", ["Content-Type: text/html\r\nContent-Type: application/zip"], { html: "Hi.\n" }),
  typed("a comment in it", ["Content-Type: text/html (a page); charset=utf-8"], { html: "Hi.\n" }),
  typed("a comment that never closes", ["Content-Type: text/html (a page; charset=utf-8"], {
    html: "Hi.\n",
    dovecot: {
      because: "BODYSTRUCTURE tells text/plain for a Content-Type that Dovecot can't parse to its end (RFC 2045 §5.2)",
      facts: { html: null, text: "Hi.\n" },
    },
  }),
  typed("no MIME-Version", ["MIME-Version: none of it", "Content-Type: text/html"], { html: "Hi.\n" }),
  typed("quotes around it", ['Content-Type: "text/html"'], { text: "Hi.\n" }),
];

export const structures: CorpusMessage[] = [...usual, ...shown, ...messages, ...flowed, ...boundaries, ...types];
