import { mail, type CorpusMessage } from "./corpus.ts";

const typed = (name: string, fields: string[], facts: Parameters<typeof mail>[3]) =>
  mail(`type: ${name}`, fields, "\r\nHi.\r\n", facts);

export const types: CorpusMessage[] = [
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
