import { expect, test } from "vitest";
import { pageOfText, showText } from "../../src/mime/show-text.ts";

function all<T extends { next: number | null }>(page: (from: number) => T): T[] {
  const pages: T[] = [];
  for (let from: number | null = 0; from !== null; from = pages.at(-1)?.next ?? null) pages.push(page(from));
  return pages;
}

test("a long text comes in pages, none of which cuts a character", () => {
  const text = `a${"\u{1f600}".repeat(1_200_000)}`;
  const pages = all((from) => pageOfText(text, from));
  expect(pages.map(({ page }) => page).join("") === text).toBe(true);
  expect(pages.every(({ page }) => page.isWellFormed() && page.length <= 256 * 1024)).toBe(true);
  expect(pageOfText("abc", 99)).toEqual({ page: "", next: null });
});

test("as HTML it is what it was, and each page is whole", () => {
  const text = "\n <b>&amp; \ud800 x</b>".repeat(100_000);
  const pages = all((from) => showText(text, from));
  const inner = pages.map(({ html }) => /^<div style="[^"<>]+">([^<>]*)<\/div>$/.exec(html)?.[1]);
  const unescaped = inner.join("").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  expect(unescaped === text.toWellFormed()).toBe(true);
  expect(pages.length).toBeGreaterThan(1);
});
