import { base64, binary, type CorpusMessage, file, hex, mail, multipart, part, utf8 } from "./corpus.ts";

const content = `PK\x03\x04${binary}`;

/** One attachment whose fields are these. */
function named(
  name: string,
  fields: string[],
  filename: string | null,
  dovecot?: { because: string; filename: string | null },
): CorpusMessage {
  const files = (told: string | null) => [file(told, "application/zip", content)];
  const body = [part([], "see"), part([...fields, "Content-Transfer-Encoding: base64"], base64(content))];
  return mail(`name: ${name}`, [], multipart("mixed", "b", body), {
    text: "see",
    files: files(filename),
    ...(dovecot && { dovecot: { because: dovecot.because, facts: { files: files(dovecot.filename) } } }),
  });
}

/** The same, by its disposition alone. */
function disposed(
  name: string,
  parameters: string,
  filename: string | null,
  dovecot?: { because: string; filename: string | null },
): CorpusMessage {
  return named(
    name,
    ["Content-Type: application/zip", `Content-Disposition: attachment${parameters}`],
    filename,
    dovecot,
  );
}

const dropsBackslashes = "Dovecot undoes every quoted-pair (RFC 5322 §3.2.4) before it tells a parameter";
const stopsAtSpace = "Dovecot reads an unquoted value as a token, which ends at the first space (RFC 2045 §5.1)";

export const parameters: CorpusMessage[] = [
  disposed("quoted", '; filename="a b.zip"', "a b.zip"),
  disposed("a token", "; filename=a.zip", "a.zip"),
  disposed("none", "", null),
  disposed("empty", '; filename=""', null),
  disposed("RFC 2231", "; filename*=utf-8''Gr%C3%BC%C3%9Fe.zip", "Grüße.zip"),
  disposed("RFC 2231 with a language, lower case", "; FileName*=UTF-8'de'gr%c3%bc%c3%9fe.zip", "grüße.zip"),
  disposed("RFC 2231 in GBK", "; filename*=gbk''%B1%A8%BC%DB%B5%A5.zip", "报价单.zip"),
  disposed("RFC 2231 without a charset", "; filename*=''Gr%C3%BC%C3%9Fe.zip", "Grüße.zip"),
  disposed("continuations", '; filename*0="a long"; filename*1=" name"; filename*2=.zip', "a long name.zip"),
  disposed("continuations out of order", "; filename*2=c.zip; filename*0=a; filename*1=b", "abc.zip"),
  disposed(
    "continuations, ten and more",
    `; ${Array.from({ length: 12 }, (_, n) => `filename*${n}=${n}-`).join("; ")}`,
    "0-1-2-3-4-5-6-7-8-9-10-11-",
  ),
  disposed(
    "continuations, encoded and not",
    "; filename*0*=iso-8859-1''Gr%FC; filename*1*=%DFe%20; filename*2=\"100%25.zip\"",
    "Grüße 100%25.zip",
  ),
  disposed(
    "a character split between continuations",
    "; filename*0*=utf-8''Gr%C3; filename*1*=%BC%C3%9Fe.zip",
    "Grüße.zip",
  ),
  disposed("only the first continuation", "; filename*0=only.zip", "only.zip"),
  disposed("encoded-words in continuations", '; filename*0="=?utf-8?B?R3LD"; filename*1="vMOfZQ==?=.zip"', "Grüße.zip"),
  disposed("both forms", "; filename=\"Gruesse.zip\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.zip", "Grüße.zip"),
  disposed(
    "both forms, the other way round",
    "; filename*=utf-8''Gr%C3%BC%C3%9Fe.zip; filename=Gruesse.zip",
    "Grüße.zip",
  ),
  disposed("a broken percent", "; filename*=utf-8''100%.zip", "100%.zip"),
  disposed("RFC 2231's form in the plain parameter", "; filename=\"utf-8''Gr%C3%BC%C3%9Fe.zip\"", "Grüße.zip"),
  disposed("an apostrophe in a plain name", "; filename=\"it's Ann's 100%25.zip\"", "it's Ann's 100%25.zip"),
  disposed("RFC 2047", '; filename="=?utf-8?B?R3LDvMOfZQ==?=.zip"', "Grüße.zip"),
  disposed(
    "RFC 2047 in two words, folded",
    '; filename="=?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe.zip?="',
    "Grüße.zip",
  ),
  disposed("RFC 2047 without quotes", "; filename==?iso-8859-1?Q?Gr=FC=DFe.zip?=", "Grüße.zip"),
  disposed("raw UTF-8", `; filename="${utf8("Grüße.zip")}"`, "Grüße.zip"),
  disposed("raw GBK", `; filename="${hex("b1a8bcdbb5a5")}.zip"`, "报价单.zip"),
  disposed("raw Latin 1", `; filename="${hex("4772fcdf65")}.zip"`, "Grüße.zip"),
  disposed("spaces without quotes", "; filename=my file (1).zip", "my file (1).zip", {
    because: stopsAtSpace,
    filename: "my",
  }),
  disposed("quotes that never close", '; filename="open.zip', "open.zip", {
    because: "Dovecot leaves out a quoted-string that never ends",
    filename: null,
  }),
  disposed("an escaped quote", String.raw`; filename="a \"b\".zip"`, 'a "b".zip'),
  disposed("a DOS path", String.raw`; filename="C:\Temp\new.zip"`, "new.zip", {
    because: dropsBackslashes,
    filename: "C:Tempnew.zip",
  }),
  disposed("a path", '; filename="../../etc/passwd"', "passwd"),
  disposed("dots alone", '; filename=".."', null),
  disposed("line breaks and controls", "; filename*=utf-8''a%0D%0AX-Evil%3A%201%00%1B.zip", "a X-Evil: 1 .zip"),
  disposed("a turned direction of writing", `; filename="${utf8("invoice\u202egpj.zip")}"`, "invoicegpj.zip"),
  disposed("a name twice", "; filename=one.zip; filename=two.zip", "one.zip"),
  disposed("no semicolon between", '; filename="a.zip" size=3', "a.zip"),
  disposed("spaces around the equals sign", '; filename = "a.zip"', "a.zip"),
  disposed("a comment", '; (the name) filename="a.zip" (that was it)', "a.zip"),
  disposed("empty parameters", ';; ; filename="a.zip";', "a.zip"),
  disposed("very long", `; filename="${"long ".repeat(400)}.zip"`, `${"long ".repeat(400)}.zip`),
  named("only in Content-Type", ['Content-Type: application/zip; name="a.zip"'], "a.zip"),
  named(
    "in both fields",
    ['Content-Type: application/zip; name="type.zip"', 'Content-Disposition: attachment; filename="a.zip"'],
    "a.zip",
  ),
  named("RFC 2231 in Content-Type", ["Content-Type: application/zip; name*=utf-8''Gr%C3%BC%C3%9Fe.zip"], "Grüße.zip"),
  named(
    "an upper case disposition",
    ["Content-Type: application/zip", "Content-Disposition: ATTACHMENT; FILENAME=A.ZIP"],
    "A.ZIP",
  ),
  named(
    "inline with a name",
    ["Content-Type: application/zip", 'Content-Disposition: inline; filename="a.zip"'],
    "a.zip",
  ),
  named(
    "an unknown disposition",
    ["Content-Type: application/zip", 'Content-Disposition: x-odd; filename="a.zip"'],
    "a.zip",
  ),
];
