import { expect, test } from "vitest";
import type { Part } from "../../src/mail/part.ts";
import { cidImages, imageLimits } from "../../src/mime/embed-images.ts";
import { sanitizeHtml } from "../../src/mime/sanitize-html.ts";

const leaf = (section: string, contentId: string | null, change: Partial<Part> = {}): Part => ({
  section,
  contentType: "image/png",
  parameters: {},
  disposition: "inline",
  filename: null,
  contentId,
  encoding: "base64",
  encodedSize: 4,
  children: [],
  ...change,
});
const root = (...children: Part[]): Part => leaf("", null, { contentType: "multipart/related", children });

function shown(structure: Part, html: string, octets: (part: Part) => Uint8Array = () => Buffer.from("abc")): string {
  const images = cidImages(structure);
  const page = sanitizeHtml(html, { remote: "block", resolveCid: images.resolveCid }).html;
  return images.embed(page, new Map(images.shownOn(page).map(({ part }) => [part, octets(part)])));
}

const url = "data:image/png;base64,YWJj";

test("what is referred to is put in wherever it is; what is not there stays without a source", () => {
  const html = '<img src="cid:a"><img src="cid:b" alt="b"><td background="cid:a"><p style="background:url(cid:a)">';
  const page = shown(root(leaf("1", "a"), leaf("2", "b", { contentType: "image/svg+xml" })), html);
  expect(page.split(url)).toHaveLength(4);
  expect(page).toContain('<img alt="b" />');
});

test("what can't be had loads nothing", () => {
  const html = '<img src="cid:a" alt="x"><p style="background:url(cid:a)">x</p>';
  expect(shown(root(leaf("1", "a")), html, () => new Uint8Array())).toBe(
    '<img alt="x" referrerpolicy="no-referrer" /><p style="background:url(&quot;data:,&quot;)">x</p>',
  );
});

test("a message can't write the mark of an image itself", () => {
  const images = cidImages(root(leaf("1", "a")));
  const mark = images.resolveCid("a") ?? "";
  const other = cidImages(root(leaf("1", "a")));
  expect(other.resolveCid("a")).not.toBe(mark);
  expect(other.embed(`<p>${mark}</p>`, new Map())).toBe(`<p>${mark}</p>`);
});

test("images in attached messages are not the message's", () => {
  const attached = leaf("1", null, { contentType: "message/rfc822", children: [leaf("1.1", "a")] });
  expect(cidImages(root(attached)).resolveCid("a")).toBeNull();
});

test("sizes count as often as an image is shown, and pages are the same whatever was asked before", () => {
  const large = leaf("1", "large", { encodedSize: Math.floor((imageLimits.one * 4) / 3) });
  const images = cidImages(root(large, leaf("2", "small")));
  const shownTimes = Array.from({ length: 10 }, () => images.resolveCid("large")).filter((mark) => mark !== null);
  expect(shownTimes).toHaveLength(5);
  expect(cidImages(root({ ...large, encodedSize: large.encodedSize + 8 })).resolveCid("large")).toBeNull();
});
