import { createServer, type Server } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { htmlPolicy, sanitizeHtml, type SanitizeOptions } from "../../src/mime/sanitize-html.ts";
import { launchChromium, type Seen, touch, watch } from "../servers/chromium.ts";
import { hostileHtml } from "./hostile-html.ts";

let server: Server;
let browser: Browser;
let origin: string;
type Page = { html: string; policy: string | null };
/** What the server gives, by path. */
const pages = new Map<string, Page>();
/** What else it was asked for. */
const leaks: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const page = pages.get(request.url ?? "");
    if (page === undefined) {
      if (request.url !== "/favicon.ico") leaks.push(request.url ?? "");
      response.writeHead(404).end();
      return;
    }
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    if (page.policy !== null) response.setHeader("Content-Security-Policy", page.policy);
    response.end(`<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${page.html}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  origin = `http://127.0.0.1:${address.port}`;
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

function serve(page: Page): string {
  const path = `/message-${pages.size}`;
  pages.set(path, page);
  return path;
}

const isOurs = (url: string): boolean => url.startsWith(origin) && pages.has(new URL(url).pathname);

/** Shows pages, each in a frame of its own, touches them, and tells which scripts ran and what was asked of the network. */
async function show(...all: Page[]): Promise<Seen> {
  const frames = all.map((page) => `<iframe src="${serve(page)}"></iframe>`);
  const url = origin + serve({ html: frames.join(""), policy: null });
  const context = await browser.newContext();
  try {
    const seen = await watch(context, isOurs);
    const tab = await context.newPage();
    await tab.goto(url, { waitUntil: "load", timeout: 10_000 }).catch(() => {});
    await Promise.all(tab.frames().map(touch));
    await tab.waitForTimeout(300);
    return seen();
  } finally {
    await context.close();
  }
}

/** Twenty in a tab, and two tabs at a time. */
async function showAll(htmls: string[], policy: string | null): Promise<Seen> {
  const some = Array.from({ length: Math.ceil(htmls.length / 20) }, (_, n) => htmls.slice(20 * n, 20 * n + 20));
  const all: Seen[] = [];
  for (let at = 0; at < some.length; at += 2) {
    const two = some.slice(at, at + 2).map((group) => show(...group.map((html) => ({ html, policy }))));
    all.push(...(await Promise.all(two)));
  }
  return { ran: all.flatMap(({ ran }) => ran), asked: all.flatMap(({ asked }) => asked) };
}

const resolveCid = () => "data:image/png;base64,iVBORw0KGgo=";
const blocked = { remote: "block", resolveCid } as const;

/** The corpus, each sanitised by itself, for one may swallow those behind it. */
function sanitised(options: SanitizeOptions): string[] {
  const corpus = hostileHtml(`${origin}/leak`);
  expect(corpus.length).toBeGreaterThan(100);
  return corpus.map((html) => sanitizeHtml(html, options).html);
}

test("the corpus is hostile: as it is, it runs scripts and asks the network", async () => {
  const { ran, asked } = await showAll(hostileHtml(`${origin}/leak`), null);
  const numbers = asked.flatMap((url) => /\/leak\/(\d+)/.exec(url)?.[1] ?? []);
  expect(new Set(ran).size).toBeGreaterThan(30);
  expect(new Set(numbers).size).toBeGreaterThan(25);
  leaks.length = 0;
}, 60_000);

test("sanitised, it does neither, even without the policy that belongs to it", async () => {
  expect(await showAll(sanitised(blocked), null)).toEqual({ ran: [], asked: [] });
  expect(leaks).toEqual([]);
}, 60_000);

test("with images allowed no script runs", async () => {
  const without = sanitised(blocked);
  const others = sanitised({ remote: "allow", resolveCid }).filter((html, n) => html !== without[n]);
  const { ran, asked } = await showAll(others, null);
  expect(ran).toEqual([]);
  expect(asked.length).toBeGreaterThan(10);
  leaks.length = 0;
}, 60_000);

test("and the page has nothing in it but what is allowed", async () => {
  const page = await browser.newPage();
  try {
    await page.setContent(sanitised(blocked).join("\n<hr>\n"));
    const found: string[] = await page.evaluate(`[...document.body.querySelectorAll("*")].flatMap((element) => [
      element.localName,
      ...element.getAttributeNames().map((name) => element.localName + " " + name),
      ...(element.href ? ["link " + element.protocol + " " + element.rel + " " + element.target] : []),
    ])`);
    const forbidden =
      /^(?:script|style|link|meta|base|form|input|button|iframe|object|embed|svg|math|video|audio|template)$| (?:on.*|srcset|ping|action|id|class)$/;
    expect(found.length).toBeGreaterThan(100);
    expect(found.filter((name) => forbidden.test(name))).toEqual([]);
    const links = found.filter((name) => name.startsWith("link ") && !name.startsWith("link about:"));
    expect([...new Set(links)]).toEqual(["link https: noopener noreferrer nofollow _blank"]);
  } finally {
    await page.close();
  }
});

test("images elsewhere are asked for only where both the HTML and the policy allow it", async () => {
  const urls = ["a", "b", "c"].map((name) => `${origin}/leak/${name}`);
  const html = `<img src="${urls[0]}"><p style="background:url(${urls[1]})">x</p><table background="${urls[2]}"><tr><td>x</td></tr></table>`;
  const none = sanitizeHtml(html, blocked);
  expect(none.remoteBlocked).toBe(3);
  expect(await show({ html: none.html, policy: htmlPolicy("allow") })).toEqual({ ran: [], asked: [] });
  const all = sanitizeHtml(html, { remote: "allow", resolveCid });
  expect(all.remoteBlocked).toBe(0);
  leaks.length = 0;
  const seen = await show({ html: all.html, policy: htmlPolicy("allow") });
  expect({ ran: seen.ran, asked: seen.asked.toSorted() }).toEqual({ ran: [], asked: urls });
  expect(leaks.toSorted()).toEqual(urls.map((url) => new URL(url).pathname));
  leaks.length = 0;
  await show({
    html: all.html.replaceAll(origin, origin.replace("127.0.0.1", "localhost")),
    policy: htmlPolicy("block"),
  });
  expect(leaks).toEqual([]);
});

test("the policy by itself stops the scripts of the corpus as it is", async () => {
  const scripts = hostileHtml(`${origin}/leak`).filter((html) => html.includes("hit("));
  const { ran } = await showAll(scripts, htmlPolicy("block"));
  expect(ran).toEqual([]);
  leaks.length = 0;
}, 60_000);
