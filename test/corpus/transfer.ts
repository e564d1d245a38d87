import { base64, binary, type CorpusMessage, file, hex, lines, mail, multipart, part, texted, utf8 } from "./corpus.ts";

const quoted = (name: string, body: string, text: string, warnings: string[] = []) =>
  texted(
    `quoted-printable: ${name}`,
    ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"],
    body,
    {
      text,
      warnings,
    },
  );

/** A file in base64 that should be `content`, whatever its encoded body looks like. */
const encoded = (name: string, body: string, content: string, encoding = "base64") =>
  mail(
    `base64: ${name}`,
    [],
    multipart("mixed", "b", [
      part(["Content-Type: text/plain"], "see"),
      part(
        [
          "Content-Type: application/octet-stream",
          'Content-Disposition: attachment; filename="a.bin"',
          `Content-Transfer-Encoding: ${encoding}`,
        ],
        body,
      ),
    ]),
    { text: "see", files: [file("a.bin", "application/octet-stream", content)] },
  );

const plain = (name: string, encoding: string, body: string, text: string, warnings: string[] = []) =>
  texted(
    `encoding: ${name}`,
    ["Content-Type: text/plain; charset=utf-8", `Content-Transfer-Encoding: ${encoding}`],
    body,
    { text, warnings },
  );

const uu = lines("begin 644 a.txt", "#86)C", "`", "end");

export const transfer: CorpusMessage[] = [
  quoted("usual", "Gr=C3=BC=C3=9Fe aus=\r\n K=C3=B6ln\r\n", "Grüße aus Köln\n"),
  quoted("lower case", "gr=c3=bc=c3=9fe\r\n", "grüße\n"),
  quoted("broken escapes", "100= =ZZ =C3=B6 =\r\n", "100= =ZZ ö "),
  quoted("white space at line ends", "a \t \r\nb=20\r\n", "a\nb \n"),
  quoted("a soft break at the end", "Hi.=", "Hi."),
  quoted("white space behind a soft break", "one =  \r\ntwo\r\n", "one two\n"),
  quoted("raw octets", `${utf8("Grüße")} =C3=B6\r\n`, "Grüße ö\n"),
  quoted("encoded line ends", "a=0D=0Ab=0Ac\r\n", "a\nb\nc\n"),
  quoted("a character cut by a soft break", "K=C3=\r\n=B6ln\r\n", "Köln\n"),
  quoted("lines far too long", `${"=C3=B6".repeat(3000)}\r\n`, `${"ö".repeat(3000)}\n`),
  quoted("bare LF", "Gr=C3=BC=\n=C3=9Fe\n", "Grüße\n"),
  encoded("usual", base64(binary), binary),
  encoded("one line", Buffer.from(binary, "latin1").toString("base64"), binary),
  encoded("no padding", "JVBERi0xLjQK", "%PDF-1.4\n"),
  encoded("padding missing", "JVBERi0xLjQKJQ", "%PDF-1.4\n%"),
  encoded("garbage between", "JV BE*Ri\r\n!!0x-Lj_QK", "%PDF-1.4\n"),
  encoded("blocks joined, each with its padding", "YQ==\r\nYmM=\r\nZGVm\r\nZw==", "abcdefg"),
  encoded("blocks joined in one line", "YQ==YmM=ZGVmZw==", "abcdefg"),
  encoded(
    "a list's footer behind it",
    `JVBERg==\r\n_______________________________________________\r\nTo unsubscribe write to list@example.com`,
    "%PDF",
  ),
  encoded("octets behind it", `JVBERg==\r\n${hex("00ff80")} junk`, "%PDF"),
  encoded("a character too many", "JVBERgQQQ", "%PDF\x04\x10"),
  encoded("nothing", "", ""),
  encoded("upper case", "JVBERg==", "%PDF", "BASE64"),
  encoded("a comment behind the name", "JVBERg==", "%PDF", "base64 (it is)"),
  encoded("lines of odd lengths", "JV\r\nBER\r\ni0xL\r\njQKJQ==", "%PDF-1.4\n%"),
  plain("none named and 8-bit octets", "", `${utf8("Grüße")}\r\n`, "Grüße\n"),
  plain("7bit and 8-bit octets", "7bit", `${utf8("Grüße")}\r\n`, "Grüße\n"),
  plain("binary", "BINARY", `${utf8("Grüße")}\r\n`, "Grüße\n"),
  plain("nobody knows it", "x-odd", "Hi.\r\n", "Hi.\n"),
  plain("a charset in its place", "utf-8", "Hi.\r\n", "Hi.\n"),
  plain("text in base64", "base64", `${base64(utf8("Grüße\r\naus Köln\r\n"))}\r\n`, "Grüße\naus Köln\n"),
  plain("uuencode in a text", "7bit", `see\r\n\r\n${uu}`, `see\n\n${uu.replaceAll("\r\n", "\n")}`),
  plain(
    "yEnc in a text",
    "7bit",
    "=ybegin line=128 size=3 name=a\r\nabc\r\n=yend size=3\r\n",
    "=ybegin line=128 size=3 name=a\nabc\n=yend size=3\n",
  ),
  mail(
    "encoding: x-uuencode",
    [],
    multipart("mixed", "b", [
      part(["Content-Type: text/plain"], "see"),
      part(["Content-Type: application/octet-stream; name=a.uu", "Content-Transfer-Encoding: x-uuencode"], uu),
    ]),
    { text: "see", files: [file("a.uu", "application/octet-stream", uu)] },
  ),
  mail(
    "encoding: a file in 8bit",
    [],
    multipart("mixed", "b", [
      part(["Content-Type: text/plain"], "see"),
      part(
        ["Content-Type: text/csv; charset=iso-8859-1; name=a.csv", "Content-Transfer-Encoding: 8bit"],
        `a;${hex("e4")}\r\nb;${hex("fc")}`,
      ),
    ]),
    { text: "see", files: [file("a.csv", "text/csv", `a;${hex("e4")}\r\nb;${hex("fc")}`)] },
  ),
  mail(
    "encoding: a multipart that says base64",
    ["Content-Transfer-Encoding: base64"],
    multipart("mixed", "b", [part(["Content-Type: text/plain"], "Hi.")]),
    { text: "Hi." },
  ),
  mail("encoding: an empty body in base64", ["Content-Type: text/plain", "Content-Transfer-Encoding: base64"], "\r\n", {
    text: "",
  }),
];
