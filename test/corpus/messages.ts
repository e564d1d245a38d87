import { base64, file, lines, mail, multipart, part, pdfPart, utf8, type CorpusMessage } from "./corpus.ts";
import { attached, inner, plain } from "./parts.ts";

/** Messages in messages, `depth` of them. */
function nested(depth: number): string {
  return depth === 0
    ? inner
    : lines("Subject: level") +
        multipart("mixed", `level${depth}`, [part(["Content-Type: message/rfc822"], nested(depth - 1))]);
}

export const messages: CorpusMessage[] = [
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
      dovecot: {
        because:
          "BODYSTRUCTURE counts the line end before the boundary into an encoded message that has no end of its own",
        facts: { files: [file("fwd.eml", "message/rfc822", inner)] },
      },
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
