import { describe, expect, test } from "vitest";
import { forwardHtml, forwardText, maxQuoted, type Quoted, quoteHtml, quoteText } from "../../src/mime/quote.ts";

const original = (facts: Partial<Quoted> = {}): Quoted => ({
  from: { name: "Ann", email: "ann@example.com" },
  to: [{ name: "Bob, B.", email: "bob@example.com" }],
  cc: [],
  subject: "Hello",
  date: Date.UTC(2026, 10, 23, 7, 5, 59),
  text: "one\ntwo\n",
  safeHtml: null,
  ...facts,
});
const hostile = "\"><script>&'\r\nBcc: x";

describe("a reply", () => {
  test("quotes line by line", () => {
    const text = "one  \n\n> two\n>> three\r\nfour\n\n-- \nAnn\n\n\n";
    expect(quoteText(original({ text }))).toBe(
      "On 2026-11-23 07:05 UTC, Ann wrote:\n\n> one\n>\n>> two\n>>> three\n> four\n>\n> -- \n> Ann\n",
    );
  });

  test.each<[string, Partial<Quoted>, string]>([
    ["no name", { from: { name: "", email: "ann@example.com" } }, "On 2026-11-23 07:05 UTC, ann@example.com wrote:"],
    ["no sender", { from: null }, "On 2026-11-23 07:05 UTC, the sender wrote:"],
    ["no date", { date: null }, "Ann wrote:"],
    ["neither", { date: null, from: null }, "The sender wrote:"],
    ["a hostile name", { from: { name: hostile, email: "" } }, `On 2026-11-23 07:05 UTC, "><script>&' Bcc: x wrote:`],
  ])("%s", (_, facts, line) => expect(quoteText(original(facts)).split("\n")[0]).toBe(line));

  test("no line ends in a space but the signature's, so that format=flowed joins none", () => {
    const quoted = quoteText(original({ text: "a \n-- \nb\t\n > c \n--  \n" }));
    expect(quoted.split("\n").filter((line) => /\s$/.test(line))).toEqual(["> -- "]);
  });

  test("in HTML stands in a blockquote, with all that is not sanitised escaped", () => {
    const html = quoteHtml(original({ from: { name: hostile, email: "" }, safeHtml: "<p>Hi</p>" }));
    expect(html).toBe(
      '<div><div>On 2026-11-23 07:05 UTC, &quot;&gt;&lt;script&gt;&amp;&#39; Bcc: x wrote:</div><blockquote type="cite"><p>Hi</p></blockquote></div>',
    );
    expect(quoteHtml(original({ text: "<b>&\nx" }))).toContain(
      '<blockquote type="cite"><div style="white-space:pre-wrap">&lt;b&gt;&amp;\nx</div></blockquote>',
    );
  });

  test("of nothing is the line alone", () =>
    expect(quoteText(original({ text: null }))).toBe("On 2026-11-23 07:05 UTC, Ann wrote:\n\n"));

  test("of much is cut at a line, and says so; HTML that is too long gives way", () => {
    const text = "line of text\n".repeat(100_000);
    const quoted = quoteText(original({ text }));
    expect(quoted.length).toBeLessThan(1.5 * maxQuoted);
    expect(quoted.endsWith("\n> line of text\n> [...]\n")).toBe(true);
    expect(quoteText(original({ text: "😀".repeat(maxQuoted) })).isWellFormed()).toBe(true);
    expect(quoteHtml(original({ text: "short", safeHtml: "<p>".repeat(maxQuoted) }))).toContain(">short</div>");
    const start = performance.now();
    for (const piece of [" ", "\n", "> ", "<", "\r", "-- \n"]) {
      quoteText(original({ text: piece.repeat(4_000_000) }));
      quoteHtml(original({ text: piece.repeat(4_000_000), subject: piece.repeat(1_000_000) }));
    }
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe("a forward", () => {
  test("shows the header and the text as it is", () =>
    expect(forwardText(original({ cc: [{ name: "", email: "cat@example.com" }], text: "one\n> two\n" }))).toBe(
      "---------- Forwarded message ----------\nFrom: Ann <ann@example.com>\nDate: 2026-11-23 07:05 UTC\nSubject: Hello\n" +
        "To: Bob, B. <bob@example.com>\nCc: cat@example.com\n\none\n> two\n",
    ));

  test("leaves out what there is not, and of many recipients says how many more", () => {
    expect(forwardText(original({ from: null, date: null, subject: "", to: [], text: null }))).toBe(
      "---------- Forwarded message ----------\n\n",
    );
    const to = Array.from({ length: 1000 }, (_, n) => ({ name: "", email: `n${n}@example.com` }));
    expect(forwardText(original({ to }))).toContain("n49@example.com and 950 more\n");
  });

  test("escapes all of it in HTML", () => {
    const html = forwardHtml(
      original({
        from: { name: hostile, email: "<b@x>" },
        subject: hostile,
        to: [{ name: "", email: hostile }],
        text: hostile,
      }),
    );
    expect(html).not.toContain("<script");
    expect(html).not.toContain("<b@x>");
    expect(html.replace(/<\/?(?:div|b|br)(?: style="white-space:pre-wrap")?>/g, "")).not.toMatch(/[<>"]/);
    expect(forwardHtml(original({ safeHtml: "<i>x</i>" }))).toContain("<i>x</i></div>");
  });
});
