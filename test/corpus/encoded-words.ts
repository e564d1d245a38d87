import { address, type CorpusMessage, headed, hex, utf8 } from "./corpus.ts";

type Case = [name: string, field: string, subject: string, warning?: string];

const subjects: Case[] = [
  ["Q", "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=", "Grüße aus Köln"],
  ["B", "=?utf-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?=", "Grüße aus Köln"],
  ["lower case", "=?utf-8?q?gr=c3=bc=c3=9fe?= =?UTF-8?b?8J+YgCBvaw==?=", "grüße😀 ok"],
  ["text around", "Re: =?iso-8859-1?Q?Gr=FC=DFe?= aus =?iso-8859-1?Q?K=F6ln?=!", "Re: Grüße aus Köln!"],
  ["adjacent words, folded", "=?utf-8?Q?eins?=\r\n =?utf-8?Q?zwei?=\r\n\t=?utf-8?Q?_drei?=", "einszwei drei"],
  ["adjacent words without a space", "=?utf-8?Q?eins?==?utf-8?Q?zwei?=", "einszwei"],
  ["a character split between words of Q", "=?utf-8?Q?K=C3?= =?utf-8?Q?=B6ln?=", "Köln"],
  ["a character split between words of B", "=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße"],
  ["B split at any place", "=?utf-8?B?R3LDvM?= =?utf-8?B?OfZQ==?=", "Grüße"],
  ["a character split between Q and B", "=?utf-8?Q?Gr=C3?= =?utf-8?B?vMOfZQ==?=", "Grüße"],
  ["GBK split in a character", "=?gbk?B?xOO6?= =?GBK?B?w6OsysC95w==?=", "你好，世界"],
  [
    "charsets mixed",
    "=?gb2312?B?xOO6w8rAvec=?= =?koi8-r?B?8NLJ18XU?= =?big5?B?wWPF6aSkpOU=?=",
    "你好世界Привет繁體中文",
  ],
  ["ISO-2022-JP", "=?ISO-2022-JP?B?GyRCRnxLXDhsJE43b0w+JEckORsoQg==?=", "日本語の件名です"],
  ["ISO-2022-JP in Q", "=?iso-2022-jp?Q?=1B$BF|K\\=1B(B?=", "日本"],
  ["Shift_JIS", "=?Shift_JIS?B?k/qWe4zq?=", "日本語"],
  ["EUC-KR", "=?ks_c_5601-1987?B?vsiz58fPvLy/5A==?=", "안녕하세요"],
  ["a language (RFC 2231)", "=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1*de-AT?Q?_=E4?=", "Grüße ä"],
  ["spaces inside", "=?utf-8?Q?Gr=C3=BC=C3=9Fe aus K=C3=B6ln?=", "Grüße aus Köln"],
  ["folded inside B", "=?utf-8?B?R3LDvMOf\r\n ZSBhdXMgS8O2bG4=?=", "Grüße aus Köln"],
  ["B without padding", "=?utf-8?B?R3LDvMOfZQ?=", "Grüße"],
  ["B with too much padding", "=?utf-8?B?R3LDvMOfZQ====?=", "Grüße"],
  ["a question mark inside Q", "=?utf-8?Q?Wie_geht's?_gut?=", "Wie geht's? gut"],
  ["an equals sign at the end of Q", "=?utf-8?Q?1+1=?=", "1+1="],
  ["broken escapes in Q", "=?utf-8?Q?100=_=ZZ_=C3=A4?=", "100= =ZZ ä"],
  ["an unknown charset", "=?x-none?Q?abc?=", "abc", "charset-unknown"],
  ["an unknown charset with 8-bit octets", "=?x-none?Q?caf=E9?=", "café", "charset-unknown"],
  ["UTF-7", "=?utf-7?Q?+ADw-script+AD4-?=", "+ADw-script+AD4-", "charset-unknown"],
  ["Latin 1 called UTF-8", "=?utf-8?Q?caf=E9_noir?=", "café noir", "charset-unknown"],
  ["UTF-8 called Latin 1", "=?iso-8859-1?Q?caf=C3=A9?=", "café"],
  ["broken UTF-8", "=?utf-8?Q?=C3=A4=FF_x?=", "ä\ufffd x", "encoding-broken"],
  ["a word that does not end", "=?utf-8?Q?abc", "=?utf-8?Q?abc"],
  ["one that does not end before one that does", "=?utf-8?Q?abc =?utf-8?Q?=C3=A4?=", "=?utf-8?Q?abc ä"],
  ["no encoding of that name", "=?utf-8?X?abc?=", "=?utf-8?X?abc?="],
  ["a word far too long", `=?utf-8?Q?${"=C3=A4".repeat(300)}?=`, "ä".repeat(300)],
  ["an empty word", "a =?utf-8?Q??= b", "a  b"],
  ["quotes around the charset", '=?"utf-8"?Q?=C3=A4?=', "ä"],
  ["words in words are not decoded twice", "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?=", "=?utf-8?Q?a?="],
  ["line breaks and controls inside", "=?utf-8?Q?a=0D=0ABcc:_x=07y?=", "a Bcc: x y"],
  ["raw octets inside", `=?utf-8?Q?K${utf8("ö")}ln?=`, "Köln"],
  ["raw UTF-8 beside a word", `${utf8("Grüße")} =?utf-8?Q?=C3=A4?=`, "Grüße ä"],
  ["raw UTF-8", utf8("Grüße 👋"), "Grüße 👋"],
  ["raw Latin 1", hex("4772fcdf65"), "Grüße", "charset-unknown"],
  ["raw GBK", hex("c4e3bac3a3accac0bde7"), "你好，世界", "charset-unknown"],
  ["raw ISO-2022-JP", hex("1b2442382b40513d711b2842"), "見積書"],
  ["a NUL", "a\0b", "a b"],
  ["tabs and folds", "eins\r\n\tzwei \r\n  drei", "eins zwei   drei"],
];

export const encodedWords: CorpusMessage[] = [
  ...subjects.map(([name, field, subject, warning]) =>
    headed(`word: ${name}`, [`Subject: ${field}`], {
      subject,
      warnings: warning === undefined ? [] : [warning],
      ...(name === "a NUL" && {
        dovecot: {
          because: "IMAP literals hold no NUL (RFC 9051 §9, CHAR8), so Dovecot sends 0x80 instead",
          facts: { subject: "a€b", warnings: ["charset-unknown"] },
        },
      }),
    }),
  ),
  headed(
    "word: raw GBK in a message that tells its charset",
    [`Subject: ${hex("88f3837286ce")}`, "Content-Type: text/plain; charset=gb2312"],
    { subject: "報價單" },
  ),
  headed(
    "word: raw KOI8-R beside a word that tells the charset",
    [`Subject: ${hex("f0d2c9d7c5d4")}`, "From: =?koi8-r?B?8NLJ18XU?= <ann@example.com>"],
    { subject: "Привет", from: address("ann@example.com", "Привет") },
  ),
  headed("word: in a display name", ["From: =?utf-8?Q?J=C3=B6rg_M=C3=BCller?= <j@example.com>"], {
    from: address("j@example.com", "Jörg Müller"),
  }),
  headed("word: in a quoted display name", ['From: "=?utf-8?Q?J=C3=B6rg?=" <j@example.com>'], {
    from: address("j@example.com", "Jörg"),
  }),
  headed(
    "word: an encoded comma in a display name",
    ["To: =?utf-8?Q?M=C3=BCller=2C_J=C3=B6rg?= <j@example.com>, bob@example.com"],
    {
      to: [address("j@example.com", "Müller, Jörg"), address("bob@example.com")],
    },
  ),
  headed("word: a bare comma in a display name", ["To: =?utf-8?Q?Doe,_J=C3=B6rg?= <j@example.com>, bob@example.com"], {
    to: [address("j@example.com", "Doe, Jörg"), address("bob@example.com")],
  }),
  headed(
    "word: an address in a display name stays a name",
    ["From: =?utf-8?B?PGV2aWxAZXhhbXBsZS5uZXQ+?= <ann@example.com>"],
    {
      from: address("ann@example.com", "<evil@example.net>"),
    },
  ),
  headed("word: in a comment", ["From: ann@example.com (=?utf-8?Q?J=C3=B6rg?=)"], {
    from: address("ann@example.com", "Jörg"),
  }),
  headed("word: two in a display name", ["From: =?utf-8?Q?J=C3=B6rg?= =?utf-8?Q?_M=C3=BCller?= <j@example.com>"], {
    from: address("j@example.com", "Jörg Müller"),
  }),
  headed("word: raw UTF-8 in a display name", [`From: ${utf8("Jörg Müller")} <j@example.com>`], {
    from: address("j@example.com", "Jörg Müller"),
  }),
  headed("word: raw UTF-8 in an address", [`From: <${utf8("jörg@exämple.com")}>`], {
    from: address("jörg@exämple.com"),
  }),
];
