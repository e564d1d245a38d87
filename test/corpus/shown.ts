import { base64, file, hex, mail, multipart, part, pdfFile, pdfPart, utf8, type CorpusMessage } from "./corpus.ts";
import { html, image, plain, png } from "./parts.ts";

export const shown: CorpusMessage[] = [
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
