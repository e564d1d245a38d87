import { describe, expect, test } from "vitest";
import { htmlToText } from "../../src/mime/html-to-text.ts";

const text = (html: string): string => htmlToText(html).text;

describe("HTML as text", () => {
  test.each([
    ["white space", "<p> One\n  two&nbsp;three <b> four</b></p>", "One two three four"],
    ["entities", "&lt;a&gt; &amp;amp; &eacute; &#128512; &bogus;", "<a> &amp; é 😀 &bogus;"],
    ["paragraphs", "<p>a</p><p>b</p><div>c</div><div>d</div>", "a\n\nb\n\nc\nd"],
    ["breaks", "a<br>b<br><br><br>c<div><br></div>d", "a\nb\n\nc\n\nd"],
    ["headings and rules", "<h1>a</h1>b<hr>c", `a\n\nb\n${"-".repeat(20)}\nc`],
    ["lists", "<ul><li>a<ol start=3><li>b<li>c</ol><li>d</ul>", "- a\n  3. b\n  4. c\n- d"],
    ["definitions", "<dl><dt>a<dd>b</dl>", "a\n  b"],
    ["tables", "<table><tr><th>a<th>b<tr><td>1</td><td><p>2</p></td></tr></table>", "a\tb\n1\n\n2"],
    ["quotes", "a<blockquote>b<blockquote>c</blockquote>d</blockquote>e", "a\n> b\n> > c\n> d\ne"],
    ["pre", "<pre>a  b\n\n   c</pre>", "a  b\n\n   c"],
    ["a link", '<a href="https://x.example/a">here</a>', "here <https://x.example/a>"],
    [
      "a link that is its text",
      '<a href="https://x.example/">x.example</a> <a href="mailto:a@x">a@x</a>',
      "x.example a@x",
    ],
    ["a link that leads nowhere", '<a href="#a">a</a><a href="javascript:x">b</a><a>c</a>', "abc"],
    ["a picture's link", '<a href="https://x"><img src="y" alt=""></a><img alt="Logo">', "Logo"],
    ["a preheader", '<div style="DISPLAY: none !important">a <b>b</b></div><span hidden>c</span>d', "d"],
    ["a font of no size", '<td style="font-size:0"><div style="font-size:14px">a</div></td>', "a"],
    [
      "what is no text",
      "<head><title>t</title><style>p{}</style></head><script>x</script><!-- c -->a<svg><text>y</text></svg>",
      "a",
    ],
    ["Outlook's conditions", "<!--[if mso]>a<![endif]--><![if !mso]>b<![endif]><o:p>c</o:p>", "bc"],
    ["what is broken", "<p>a<p>b</div></table><td>c<b", "a\n\nbc"],
    ["nothing", "", ""],
  ])("%s", (_, html, expected) =>
    expect(
      text(html)
        .replace(/\t\n\n/, "\t\n\n")
        .trim(),
    ).toBe(expected),
  );

  test("what is hidden may be asked for", () =>
    expect(htmlToText('<div style="display:none">a</div>b', { withHidden: true }).text).toBe("a\nb"));
});

test.each([
  ["brackets", "<".repeat(4_000_000)],
  ["depth", "<blockquote>x".repeat(300_000)],
  ["lists", "<ul><li>x".repeat(300_000)],
  ["words", "a ".repeat(2_000_000)],
  ["tabs", "x\t".repeat(2_000_000)],
  ["line ends", `<pre>${"\n".repeat(4_000_000)}`],
  ["ampersands", "&".repeat(4_000_000)],
  ["cells", "<td>x".repeat(500_000)],
  ["links", '<a href="https://x">b<i>'.repeat(200_000)],
  ["styles", `<p style="display${" ".repeat(2000)}">`.repeat(1000)],
])("%s are read in short time, and never make more than 1 MiB", (_, html) => {
  const begin = performance.now();
  expect(htmlToText(html).text.length).toBeLessThanOrEqual(1024 * 1024);
  expect(performance.now() - begin).toBeLessThan(4000);
});
