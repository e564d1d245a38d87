import { createServer, type Server } from "node:http";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { htmlPolicy, sanitizeHtml, type SanitizeOptions } from "../../src/mime/sanitize-html.ts";
import { provision } from "../servers/provision.ts";
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
  await provision(["chromium"]);
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
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"].concat([
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ]),
  });
});

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

type Seen = { ran: string[]; asked: string[] };

/** Clicks and points at all that is on a page. */
const touch = `for (const element of document.querySelectorAll("*"))
  for (const type of ["mouseover", "focus", "animationstart"]) element.dispatchEvent(new Event(type));
for (const element of document.querySelectorAll(".click, [href^=javascript]")) element.click();`;

/** Shows HTML as a page of its own, touches it, and tells which scripts ran and what was asked of the network. */
async function show(page: Page): Promise<Seen> {
  const url = `${origin}/message-${pages.size}`;
  pages.set(new URL(url).pathname, page);
  const seen = { ran: new Set<string>(), asked: new Set<string>() };
  const context = await browser.newContext();
  try {
    context.on("console", (message) => message.text().startsWith("hit ") && seen.ran.add(message.text()));
    context.on("dialog", (dialog) => void dialog.dismiss());
    context.on("request", (request) => {
      const isLocal = /^(?:data|about|blob):/.test(request.url());
      if (!isLocal && request.url() !== url) seen.asked.add(request.url());
    });
    await context.addInitScript("window.hit = (n) => console.log('hit ' + n)");
    const tab = await context.newPage();
    await tab.goto(url, { waitUntil: "load", timeout: 10_000 }).catch(() => {});
    await tab.evaluate(touch).catch(() => {});
    await tab.waitForTimeout(200);
  } finally {
    await context.close();
  }
  return { ran: [...seen.ran], asked: [...seen.asked] };
}

/** Each by itself, some at a time. */
async function showEach(all: Page[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let at = 0; at < all.length; at += 6) seen.push(...(await Promise.all(all.slice(at, at + 6).map(show))));
  return seen;
}

const resolveCid = () => "data:image/png;base64,iVBORw0KGgo=";
const blocked = { remote: "block", resolveCid } as const;

test("the corpus is hostile: as it is, it runs scripts and asks the network", async () => {
  const seen = await showEach(hostileHtml(`${origin}/leak`).map((html) => ({ html, policy: null })));
  expect(seen.filter(({ ran }) => ran.length > 0).length).toBeGreaterThan(30);
  expect(seen.filter(({ asked }) => asked.length > 0).length).toBeGreaterThan(25);
  leaks.length = 0;
}, 120_000);

/** The corpus, each sanitised by itself, for one may swallow those behind it; ten on a page. */
function sanitisedTens(options: SanitizeOptions): string[] {
  const corpus = hostileHtml(`${origin}/leak`);
  expect(corpus.length).toBeGreaterThan(100);
  const safe = corpus.map((html) => sanitizeHtml(html, options).html);
  return Array.from({ length: Math.ceil(safe.length / 10) }, (_, n) =>
    safe.slice(10 * n, 10 * n + 10).join("\n<hr>\n"),
  );
}

test.each([
  ["with the policy that belongs to it", htmlPolicy("block")],
  ["without any policy", null],
])(
  "sanitised, it does neither: %s",
  async (_, policy) => {
    const shown = sanitisedTens(blocked);
    const seen = await showEach(shown.map((html) => ({ html, policy })));
    const got = seen.flatMap(({ ran, asked }, n) =>
      ran.length + asked.length > 0 ? [{ html: shown[n], ran, asked }] : [],
    );
    expect(got).toEqual([]);
    expect(leaks).toEqual([]);
  },
  60_000,
);

test("and the page has nothing in it but what is allowed", async () => {
  const page = await browser.newPage();
  try {
    await page.setContent(sanitisedTens(blocked).join("\n<hr>\n"));
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

test("with images allowed no script runs", async () => {
  const shown = sanitisedTens({ remote: "allow", resolveCid });
  const seen = await showEach(shown.map((html) => ({ html, policy: htmlPolicy("allow") })));
  expect(seen.flatMap(({ ran }, n) => (ran.length > 0 ? [shown[n]] : []))).toEqual([]);
  expect(seen.some(({ asked }) => asked.length > 0)).toBe(true);
}, 60_000);
