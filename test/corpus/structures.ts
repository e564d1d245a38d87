import { base64, binary, file, lines, mail, multipart, part, pdfFile, pdfPart, type CorpusMessage } from "./corpus.ts";
import { attached, html, image, inner, plain, png } from "./parts.ts";

export const structures: CorpusMessage[] = [
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
