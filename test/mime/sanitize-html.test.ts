import { describe, expect, test } from "vitest";
import { htmlPolicy, sanitizeHtml, type SanitizeOptions } from "../../src/mime/sanitize-html.ts";
import { hostileHtml } from "./hostile-html.ts";

const blocked: SanitizeOptions = { remote: "block", resolveCid: () => null };
const safe = (html: string, options: Partial<SanitizeOptions> = {}): string =>
  sanitizeHtml(html, { ...blocked, ...options }).html;

describe("the layout of mail stays", () => {
  test.each([
    [
      "a table",
      '<table width="600" bgcolor="#fff" align="center"><tbody><tr><td valign="top" colspan="2">a</td></tr></tbody></table>',
    ],
    [
      "styles",
      "<p style=\"margin:0 auto;padding:1.5em 2px;color:rgb(1, 2, 3) !important;font-family:Arial,'Segoe UI',sans-serif\">a</p>",
    ],
    ["a preheader that is hidden", '<div style="display:none;max-height:0;overflow:hidden">a</div>'],
    ["a font", '<font color="red" face="Arial" size="2">a</font>'],
    ["a place in the page", '<a href="#top">a</a><a name="top"></a>'],
  ])("%s", (_, html) => expect(safe(html.replaceAll("'", "'"))).toBe(html));

  test("a body becomes a div with its colours", () =>
    expect(
      safe('<html><head><title>t</title></head><body bgcolor="#eee" style="margin:0" class="x">a</body></html>'),
    ).toBe('<div bgcolor="#eee" style="margin:0">a</div>'));
});

describe("styles", () => {
  test.each([
    ["position:fixed;top:0;left:0;z-index:9;color:red", "color:red"],
    ["transform:scale(9);animation:x 1s;filter:blur(1px);opacity:0", "opacity:0"],
    ["margin-top:-900px;text-indent:-9px", "text-indent:-9px"],
    ["width:expression(x);width:calc(1px);height:9px", "height:9px"],
    ["color:\\72 ed;color:re/**/d;background:\\75rl(x)", ""],
    ["background:red url(https://x.example/a) no-repeat", "background:red  no-repeat"],
    ["font-family:'a;b\";c';color:red", "color:red"],
    ["--x:1;content:'a';cursor:wait;behavior:url(x);@import 'x'", ""],
    ["COLOR : RED ; ;;:;x", "color:RED"],
  ])("%s", (style, expected) => {
    const attribute = expected === "" ? "" : ` style="${expected}"`;
    expect(safe(`<p style="${style.replaceAll('"', "&quot;")}">a</p>`)).toBe(`<p${attribute}>a</p>`);
  });

  test("a background that is allowed can't break out of its quotes", () => {
    const html = `<p style="background:url('https://x.example/?\\&quot;);color:x(\\')">a</p>`;
    expect(safe(html, { remote: "allow" })).toMatch(
      /^<p style="background:url\(&quot;https:[^"'()&\\]*&quot;\)">a<\/p>$/,
    );
    const odd = safe(`<p style="background-image:url(&quot;https://x.example/(a)'b?c\\d&quot;)">a</p>`, {
      remote: "allow",
    });
    expect(odd).not.toMatch(/\\|'/);
  });
});

describe("what is loaded", () => {
  const html =
    '<img src="https://t.example/a.gif"><img srcset="//t.example/b 2x"><table background="http://t.example/c"><tr><td style="background-image:url(https://t.example/d)">x</td></tr></table>';

  test("nothing from elsewhere, and it is told how much that is", () => {
    const { html: shown, remoteBlocked } = sanitizeHtml(html, blocked);
    expect(remoteBlocked).toBe(4);
    expect(shown).not.toContain("t.example");
  });

  test("images from elsewhere where that is allowed", () => {
    const { html: shown, remoteBlocked } = sanitizeHtml(html, { ...blocked, remote: "allow" });
    expect(remoteBlocked).toBe(0);
    expect(shown).toContain('<img src="https://t.example/a.gif" referrerpolicy="no-referrer" />');
    expect(shown).toContain('src="https://t.example/b"');
    expect(shown).toContain('background="http://t.example/c"');
    expect(shown).toContain("background-image:url(&quot;https://t.example/d&quot;)");
  });

  test("parts of the message by their Content-ID", () => {
    const asked: string[] = [];
    const resolveCid = (id: string): string | null => {
      asked.push(id);
      return id === "a@x" ? "/parts/2?a=1&b=2" : null;
    };
    expect(safe('<img src="CID:a%40x"><img src="cid:b@x" alt="b">', { resolveCid })).toBe(
      '<img src="/parts/2?a=1&amp;b=2" referrerpolicy="no-referrer" /><img alt="b" />',
    );
    expect(asked).toEqual(["a@x", "b@x"]);
  });

  test("of those also as a background", () => {
    const resolveCid = () => "data:image/png;base64,iVBORw0KGgo=";
    const shown = safe('<table background="cid:a"><tr><td style="background:url(cid:a)">x</td></tr></table>', {
      resolveCid,
    });
    expect(shown.match(/data:image\/png;base64,iVBORw0KGgo=/g)?.length).toBe(2);
  });

  test("images that are URLs themselves, but no SVG", () => {
    const png = "data:image/png;base64,iVBORw0KGgo=";
    expect(safe(`<img src="${png}"><img src="data:image/svg+xml;base64,AAAA"><img src="data:text/html,x">`)).toBe(
      `<img src="${png}" referrerpolicy="no-referrer" /><img /><img />`,
    );
  });

  test("nothing relative: it would be the server's own", () =>
    expect(safe('<img src="/v1/me"><img src="a.png"><a href="/v1/me">a</a><a href="?x">b</a>')).toBe(
      "<img /><img /><a>a</a><a>b</a>",
    ));
});

test("links tell nobody where they were followed from", () =>
  expect(
    safe('<a href="HTTPS://X.example/a b" target="_top" rel="opener" onclick="x" ping="y">a</a><a target="_top">b</a>'),
  ).toBe('<a href="https://x.example/a%20b" rel="noopener noreferrer nofollow" target="_blank">a</a><a>b</a>'));

test("of the hostile corpus nothing is left that could do anything", () => {
  for (const html of hostileHtml("http://127.0.0.1:9/leak")) {
    const shown = safe(html);
    const markup = (shown.match(/<[^>]*>/g) ?? []).join("").replaceAll(/title="[^"]*"|href="https:[^"]*"/g, "");
    expect(markup).not.toMatch(/hit\(|leak|javascript|<(?:script|style|svg|math|form|iframe|meta|base|link)/i);
  }
});

describe("pages", () => {
  const message = `<div><table><tbody>${Array.from({ length: 200 }, (_, n) => `<tr><td>row ${n} &amp; 😀 more</td></tr>`).join("")}</tbody></table></div><p>end</p>`;

  test("hold together all there is, each once, and each is balanced", () => {
    for (const maxLength of [64, 500, 2000]) {
      let text = "";
      let pages = 0;
      for (let from: number | null = 0; from !== null; pages++) {
        const page = sanitizeHtml(message, { ...blocked, from, maxLength });
        expect(page.html.length).toBeLessThan(maxLength + 150);
        expect(safe(page.html)).toBe(page.html);
        expect(page.html.isWellFormed()).toBe(true);
        expect(page.html.replace(/&(?:amp|lt|gt|quot);/g, "")).not.toContain("&");
        text += page.html.replace(/<[^>]*>/g, "");
        expect(page.next === null || page.next > from).toBe(true);
        from = page.next;
      }
      expect(text).toBe(message.replace(/<[^>]*>/g, ""));
      expect(pages).toBeGreaterThan(3);
    }
  });

  test("go on behind a tag or a word that is longer than a page", () => {
    const long = `<img src="https://x.example/${"a".repeat(3000)}"><p>${"b".repeat(3000)}</p>`;
    let [from, pages]: [number | null, number] = [0, 0];
    for (; from !== null && pages < 100; pages++)
      from = sanitizeHtml(long, { ...blocked, remote: "allow", from, maxLength: 1000 }).next;
    expect({ from, pages }).toEqual({ from: null, pages: 5 });
  });

  test.each([1e9, 3, 7])("a place that no page gave does no harm: %d", (from) =>
    expect(safe(safe(message, { from, maxLength: 100 }))).toBe(safe(message, { from, maxLength: 100 })),
  );
});

test("no attribute makes a page many times as large as its message", () => {
  const { html } = sanitizeHtml(`<p title='${'"'.repeat(1_000_000)}' lang=en>a</p>`, blocked);
  expect(html).toBe('<p lang="en">a</p>');
});

test.each([
  ["brackets", "<".repeat(5_000_000), false],
  ["depth", "<div>".repeat(500_000), false],
  ["depth, and ends that end nothing", "<b>".repeat(900) + "</i>".repeat(1_000_000), false],
  ["attributes", `<p ${Array.from({ length: 400_000 }, (_, n) => `a${n}=b`).join(" ")}>`, false],
  ["an entity without an end", `<a href="${"&#x".repeat(1_000_000)}`, true],
  ["open comments", "<!--".repeat(1_000_000), false],
  ["styles of brackets", `<p style="${"(".repeat(16_000)}">`.repeat(200), true],
  ["styles of words", `<p style="color:${"a ".repeat(2000)}">`.repeat(500), true],
  ["styles with a gap", `<p style="color:a${" ".repeat(16_000)}b">`.repeat(200), true],
  ["an image with a gap", `<img src="data:image/png;base64,A${" ".repeat(260_000)}!">`.repeat(4), true],
  ["elements that hide", "<noscript></noscript>".repeat(80_000), true],
  ["ends of paragraphs", "</p>".repeat(1_000_000), false],
])("%s are read in short time", (_, html, isWhole) => {
  const begin = performance.now();
  const read = sanitizeHtml(html, blocked);
  expect(performance.now() - begin).toBeLessThan(5000);
  expect(read.isWhole || !isWhole).toBe(true);
});

test("the policy allows images from elsewhere only where that is wanted", () => {
  expect(htmlPolicy("block")).toBe(
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
  );
  expect(htmlPolicy("allow", ["https://mail.example"])).toContain(
    "img-src 'self' data: https://mail.example http: https:;",
  );
});
