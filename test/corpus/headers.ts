import { address, ann, bob, type CorpusMessage, headed, hex, lines, raw, utf8 } from "./corpus.ts";

const addresses: CorpusMessage[] = [
  headed("address: several in From", ["From: Ann <ann@example.com>, Carl <carl@example.com>"], { from: ann }),
  headed("address: two From", ["From: Ann <ann@example.com>\r\nFrom: carl@example.com"], { from: ann }),
  headed("address: two To add up", ["To: bob@example.com\r\nTo: Carl <carl@example.com>"], {
    to: [bob, address("carl@example.com", "Carl")],
  }),
  headed(
    "address: all the fields",
    [
      "Sender: S <s@example.com>",
      "Reply-To: r@example.com, R <r2@example.com>",
      "Cc: c@example.com",
      "Bcc: d@example.com",
    ],
    {
      sender: address("s@example.com", "S"),
      replyTo: [address("r@example.com"), address("r2@example.com", "R")],
      cc: [address("c@example.com")],
      bcc: [address("d@example.com")],
    },
  ),
  headed("address: undisclosed recipients", ["To: undisclosed-recipients:;"], { to: [] }),
  headed("address: a group", ['To: "The team": ann@example.com, Carl <carl@example.com>;, bob@example.com'], {
    to: [address("ann@example.com"), address("carl@example.com", "Carl"), bob],
  }),
  headed("address: a route", ["To: <@one.example,@two.example:bob@example.com>"], { to: [bob] }),
  headed("address: a quoted local part", ['To: "bob smith"@example.com, <"a@b"@example.com>'], {
    to: [address('"bob smith"@example.com'), address('"a@b"@example.com')],
  }),
  headed("address: comments", ["To: bob@example.com (Bob (the builder)), Carl (x) <carl@example.com> (y)"], {
    to: [address("bob@example.com", "Bob (the builder)"), address("carl@example.com", "Carl")],
  }),
  headed("address: no brackets and a name", ["From: Ann ann@example.com"], { from: ann }),
  headed("address: a quoted comma", ['To: "Smith, Bob" <bob@example.com>'], {
    to: [address("bob@example.com", "Smith, Bob")],
  }),
  headed("address: a bare comma in a name", ["To: Smith, Bob <bob@example.com>"], {
    to: [address("bob@example.com", "Smith, Bob")],
  }),
  headed("address: an escaped quote in a name", [String.raw`From: "Ann \"the\" Boss" <ann@example.com>`], {
    from: address("ann@example.com", 'Ann "the" Boss'),
  }),
  headed("address: another address as the name", ['From: "ceo@bank.example" <evil@example.net>'], {
    from: address("evil@example.net", "ceo@bank.example"),
  }),
  headed("address: trailing junk", ["To: <bob@example.com> and so on, <carl@example.com>>, dora@example.com;"], {
    to: [address("bob@example.com", "and so on"), address("carl@example.com"), address("dora@example.com")],
  }),
  headed("address: a bracket that never closes", ["To: Bob <bob@example.com"], {
    to: [address("bob@example.com", "Bob")],
  }),
  headed("address: semicolons between", ["To: bob@example.com; carl@example.com"], {
    to: [bob, address("carl@example.com")],
  }),
  headed("address: a name alone", ["From: MAILER-DAEMON"], { from: null, warnings: ["address-unparseable"] }),
  headed("address: an empty bracket", ["From: <>"], { from: null }),
  headed("address: a name and an empty bracket", ["From: Mail Delivery System <>"], {
    from: null,
    warnings: ["address-unparseable"],
  }),
  headed("address: an address literal", ["From: <ann@[192.0.2.1]>"], { from: address("ann@[192.0.2.1]") }),
  headed("address: many", [`To: ${Array.from({ length: 500 }, (_, n) => `n${n}@example.com`).join(",\r\n ")}`], {
    to: Array.from({ length: 500 }, (_, n) => address(`n${n}@example.com`)),
  }),
];

const dates: CorpusMessage[] = (
  [
    ["Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06.000Z"],
    ["21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06.000Z"],
    ["Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)", "1969-02-14T03:02:00.000Z"],
    ["Mon, 01 Jan 2024 10:00:00 EST", "2024-01-01T15:00:00.000Z"],
    ["Mon, 1 Jan 2024 10:00:00 +0100 (CET)", "2024-01-01T09:00:00.000Z"],
    ["Mon Jan  1 10:00:00 2024", "2024-01-01T10:00:00.000Z"],
    ["2024-01-01T10:00:00+01:00", "2024-01-01T09:00:00.000Z"],
    ["Fri, 01 Jan 1904 00:00:00 +0000", "1904-01-01T00:00:00.000Z"],
    ["Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59.000Z"],
    ["1 Jan 49 10:00 +0000", "2049-01-01T10:00:00.000Z"],
    ["Mon, 1 Jan 2024 10:00:00 GMT+0100", "2024-01-01T09:00:00.000Z"],
    ["now", null],
    ["Mon, 32 Jan 2024 10:00:00 +0000", null],
    ["Thu, 30 Feb 2024 10:00:00 +0000", null],
    ["Mon, 1 Jan 2024 25:00:00 +0000", null],
    ["Mon, 1 Jan 12024 10:00:00 +0000", null],
    ["lun., 1 janv. 2024 10:00:00 +0100", null],
    ["Mo, 1 Mai 2024 10:00:00 +0200", null],
    [`Mon, 1 ${utf8("März")} 2024 10:00:00 +0100`, null],
    ["1704103200", null],
    ["%DATE%", null],
    [hex("e4"), null, "charset-unknown"],
  ] as [string, string | null, string?][]
).map(([field, date, other]) =>
  headed(`date: ${field}`, [`Date: ${field}`], {
    date,
    warnings: [...(other === undefined ? [] : [other]), ...(date === null ? ["date-unparseable"] : [])],
  }),
);

const fields: CorpusMessage[] = [
  headed("header: two Subject", ["Subject: one\r\nSubject: two"], { subject: "one" }),
  headed("header: two Date", ["Date: Mon, 1 Jan 2024 10:00:00 +0000\r\nDate: Tue, 2 Jan 2024 10:00:00 +0000"], {
    date: "2024-01-01T10:00:00.000Z",
  }),
  headed("header: two Message-ID", ["Message-ID: <one@corpus.test>\r\nMessage-ID: <two@corpus.test>"], {
    messageId: "<one@corpus.test>",
  }),
  headed("header: a Message-ID without brackets", ["Message-ID: one@corpus.test"], { messageId: null }),
  headed("header: a folded Message-ID with a comment", ["Message-ID:\r\n <one\r\n @corpus.test> (made)"], {
    messageId: "<one@corpus.test>",
  }),
  headed(
    "header: References and In-Reply-To",
    [
      "In-Reply-To: Your message of Monday <b@x.test> and <c@x.test>",
      "References: <a@x.test>\r\n\t<b@x.test><a@x.test>",
    ],
    { inReplyTo: "<b@x.test>", references: ["<a@x.test>", "<b@x.test>"] },
  ),
  headed("header: names in any case, with spaces before the colon", ["SUBJECT : loud", "fRoM:ann@example.com"], {
    subject: "loud",
    from: address("ann@example.com"),
  }),
  headed("header: an empty subject", ["Subject:"], { subject: "" }),
  headed("header: lines that are no fields", ["X-A: 1\r\nno colon here\r\n: no name", "Subject: after"], {
    subject: "after",
  }),
  headed("header: a continuation of white space alone", ["Subject: one\r\n \r\n two"], { subject: "one  two" }),
  headed("header: a bare CR", ["Subject: one\rBcc: evil@example.net"], { subject: "one Bcc: evil@example.net" }),
  headed("header: a very long line", [`Subject: ${"long ".repeat(3000)}end`], {
    subject: `${"long ".repeat(3000)}end`,
  }),
  headed(
    "header: 5,000 recipients",
    [`Cc: ${Array.from({ length: 5000 }, (_, n) => `number-${n}@example.com`).join(",\r\n ")}`],
    {
      cc: Array.from({ length: 5000 }, (_, n) => address(`number-${n}@example.com`)),
    },
  ),
  headed("header: 1,500 fields", [Array.from({ length: 1500 }, (_, n) => `X-${n}: ${n}`).join("\r\n")], {}),
];

const whole: CorpusMessage[] = [
  raw("whole: no From, no Date, no To", lines("Subject: only", "", "Hi."), { subject: "only", text: "Hi.\n" }),
  raw("whole: an empty line first", lines("", "Subject: is text", "", "Hi."), { text: "Subject: is text\n\nHi.\n" }),
  raw("whole: a header alone", lines("From: Ann <ann@example.com>", "Subject: alone", ""), {
    from: ann,
    subject: "alone",
    text: "",
  }),
  raw("whole: a header alone, without its empty line", lines("From: Ann <ann@example.com>", "Subject: alone"), {
    from: ann,
    subject: "alone",
    text: "",
  }),
  // RFC 5322 §2.1: the body begins behind an empty line, and there is none: IMAP and POP3's TOP call all of it header.
  raw("whole: lines without a header", lines("just some text", "and more of it"), { text: "" }),
  raw("whole: text behind lines that are no header", lines("just some text", "", "Hi."), { text: "Hi.\n" }),
  raw("whole: one empty line", "\r\n", { text: "" }),
  raw("whole: nothing but spaces", "   \r\n", { text: "" }),
  raw("whole: an mbox line first", lines("From ann@example.com Mon Jan  1 10:00:00 2024", "Subject: mbox", "", "Hi."), {
    subject: "mbox",
    text: "Hi.\n",
  }),
  raw(
    "whole: an escaped mbox line first",
    lines(">From ann@example.com Mon Jan  1 10:00:00 2024", "Subject: mbox", "", "Hi."),
    {
      subject: "mbox",
      text: "Hi.\n",
    },
  ),
  raw("whole: bare LF", "From: Ann <ann@example.com>\nSubject: bare\n LF\n\nHi.\n\nBye.\n", {
    from: ann,
    subject: "bare LF",
    text: "Hi.\n\nBye.\n",
  }),
  raw("whole: LF and CRLF mixed", "From: Ann <ann@example.com>\r\nSubject: mixed\n\r\nHi.\nHo.\r\n", {
    from: ann,
    subject: "mixed",
    text: "Hi.\nHo.\n",
  }),
  raw("whole: bare CR in the body", "Subject: cr\r\n\r\none\rtwo\r\n", { subject: "cr", text: "one\ntwo\n" }),
  raw("whole: no line end at the end", "Subject: cut\r\n\r\nHi.", { subject: "cut", text: "Hi." }),
  raw("whole: a very long line", `Subject: line\r\n\r\n${"x".repeat(200_000)}\r\n`, {
    subject: "line",
    text: `${"x".repeat(200_000)}\n`,
  }),
  raw("whole: dots", "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n", { subject: "dots", text: ".\n..\n.x\n" }),
  raw(
    "whole: a byte order mark first",
    `${utf8("\ufeff")}Subject: lost\r\nFrom: Ann <ann@example.com>\r\n\r\nHi.\r\n`,
    {
      from: ann,
      text: "Hi.\n",
    },
  ),
];

export const headers: CorpusMessage[] = [...addresses, ...dates, ...fields, ...whole];
