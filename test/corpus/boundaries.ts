import { file, mail, multipart, part, pdfFile, pdfPart, type CorpusMessage } from "./corpus.ts";
import { html, plain } from "./parts.ts";

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

export const boundaries: CorpusMessage[] = [
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
