import { describe, expect, test } from "vitest";
import { fragmentText, referredIds, sanitizeFragment } from "../../src/mime/sanitize-fragment.ts";

const safe = (html: string): string => sanitizeFragment(html).html;

describe("hostile HTML comes out harmless", () => {
  test.each([
    ["a script", "<p>a<script>alert(1)</script></p>", "<p>a</p>"],
    ["a broken script", "<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"],
    ["a handler", '<p onclick="x()" ONLOAD=y>a</p>', "<p>a</p>"],
    ["a handler of an image", "<img src=x onerror=alert(1)>", '<img src="x" />'],
    ["javascript:", '<a href="javascript:alert(1)">a</a>', "<a>a</a>"],
    ["hidden javascript:", '<a href="jav&#x09;ascript&colon;alert(1)">a</a>', "<a>a</a>"],
    ["controls before javascript:", '<a href="\u0001 javascript:alert(1)">a</a>', "<a>a</a>"],
    ["a page as a link", '<a href="data:text/html,<script>x</script>">a</a>', "<a>a</a>"],
    ["an image of data", '<img src="data:image/svg+xml,<svg onload=x>">', "<img />"],
    ["no scheme", '<a href="//evil.example">a</a>', "<a>a</a>"],
    ["a form", "<form action=x><input name=a><button>b</button></form>", "b"],
    ["a frame", '<iframe src="https://x" srcdoc="<script>x</script>">a</iframe>b', "b"],
    ["an object", "<object data=x><embed src=y></object>a", "a"],
    ["a base and a refresh", '<base href="https://x"><meta http-equiv=refresh content=0>a', "a"],
    ["a style sheet", "<style>p{background:url(x)}</style><link rel=stylesheet href=x><p>a</p>", "<p>a</p>"],
    ["a style that covers the page", '<p style="position:fixed;top:0;color:red">a</p>', '<p style="color:red">a</p>'],
    ["a style that loads", '<p style="background:url(https://x);color:expression(x)">a</p>', "<p>a</p>"],
    ["svg", "<svg><script>x</script><a xlink:href=javascript:x>a</a></svg>b", "b"],
    ["math that hides", "<math><mtext><table><mglyph><style><img src=x onerror=y></style></table></math>b", "b"],
    ["a noscript that hides", '<noscript><p title="</noscript><img src=x onerror=y>">', ""],
    ["a comment that hides", "<!--[if IE]><script>x</script><![endif]-->a<!-- --!><script>x</script>", "a"],
    ["a whole page", "<html><head><title>t</title></head><body bgcolor=red><p>a</p></body></html>", "<p>a</p>"],
    ["what is left open", "<div><b>a", "<div><b>a</b></div>"],
    ["what closes what is around it", "</blockquote></div></body>a", "a"],
  ])("%s", (_, html, expected) => expect(safe(html)).toBe(expected));

  test("what people write stays", () => {
    const html =
      '<p style="text-align:center">a <b>b</b> <a href="https://x.example/?a=1&amp;b=2">c</a></p>' +
      '<a href="mailto:a@x.example">d</a><img src="cid:logo@x" alt="e" width="10" />' +
      '<table border="1"><tbody><tr><td colspan="2">f</td></tr></tbody></table>';
    expect(safe(html)).toBe(html);
  });

  test.each([
    ["deep", "<div>".repeat(200_000)],
    ["brackets", "<".repeat(2_000_000)],
    ["attributes", `<p ${"a=b ".repeat(400_000)}>`],
    ["an entity without an end", `<a href="${"&#x".repeat(500_000)}`],
    ["open comments", "<!--".repeat(300_000)],
    ["tables in tables", "<table><tr><td>".repeat(50_000)],
  ])("%s is cut, in short time", (_, html) => {
    const begin = performance.now();
    const fragment = sanitizeFragment(html);
    fragmentText(fragment.html);
    expect(performance.now() - begin).toBeLessThan(3000);
    expect(fragment.isWhole).toBe(false);
  });
});

test("the text of a fragment", () => {
  const html =
    "<p>Hi&nbsp;Bob,</p><div>1 &lt; 2<br>3 &amp; 4</div><ul><li>a</li><li>b</li></ul><table><tr><td>x</td><td>y</td></tr></table>";
  expect(fragmentText(safe(html))).toBe("Hi Bob,\n1 < 2\n3 & 4\na\nb\n\nx\ty");
});

test("the content ids that it shows", () => {
  const html = '<img src="cid:a@x"><img src="CID:b%40x"><a href="cid:c@x">c</a><p title=\'src="cid:d"\'>';
  expect([...referredIds(safe(html))]).toEqual(["a@x", "b@x"]);
});
