import { pageOf } from "./html-page.ts";

/** UTF-16 units of a page. */
const htmlLength = 1024 * 1024;
const textLength = 256 * 1024;

/** A page of something long: `next` is where the next one begins, null on the last one. */
export type PageOfText = { page: string; next: number | null };

/** A page of a message's text as HTML that looks like it and wraps; `from` is where it begins, in UTF-16 units of the HTML. */
export function showText(text: string, from: number): { html: string; next: number | null } {
  const escaped = text.toWellFormed().replace(/[&<>]/g, (character) => escapes[character] ?? "");
  return pageOf(`<div style="white-space:pre-wrap;overflow-wrap:anywhere">${escaped}</div>`, from, htmlLength);
}

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** A page of a text from `from` on, in UTF-16 units; no character is cut. */
export function pageOfText(text: string, from: number): PageOfText {
  const end = from + textLength;
  if (end >= text.length) return { page: text.slice(from).toWellFormed(), next: null };
  const isInside = /[\ud800-\udbff]/.test(text[end - 1] ?? "");
  const next = isInside ? end - 1 : end;
  return { page: text.slice(from, next).toWellFormed(), next };
}
