import { createServer, type Server } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostileHtml } from "../mime/hostile-html.ts";
import { launchChromium, type Seen, touch, watch } from "../servers/chromium.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { boxWith, listed, mailOf } from "./shown.ts";
import { type Api, startApi } from "./start.ts";

let stack: MailStack;
let api: Api;
let browser: Browser;
let elsewhere: Server;
let leak: string;
/** What was asked of the server elsewhere. */
const asked: string[] = [];

beforeAll(async () => {
  [stack, browser] = await Promise.all([startMailStack(), launchChromium()]);
  api = await startApi();
  elsewhere = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const address = elsewhere.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  leak = `http://127.0.0.1:${address.port}/leak`;
});
afterAll(async () => {
  await browser?.close();
  elsewhere?.closeAllConnections();
  await new Promise((resolve) => elsewhere?.close(resolve));
  await api?.stop();
  await stack?.stop();
});

/** The corpus, each as a message of its own, as HTML and as text that somebody may take for HTML. */
async function hostileMessages(): Promise<string[]> {
  const corpus = hostileHtml(leak);
  expect(corpus.length).toBeGreaterThan(100);
  const encoded = ["Content-Transfer-Encoding: base64"];
  const mails = corpus.map((html) => mailOf("text/html; charset=utf-8", Buffer.from(html).toString("base64"), encoded));
  const text = mailOf("text/plain; charset=utf-8", Buffer.from(corpus.join("\n")).toString("base64"), encoded);
  const { path } = await boxWith({ api, stack }, "IMAP", [...mails, text]);
  return (await listed(api, path, "?limit=200")).map(({ id }) => `${path}/messages/${id}`);
}

/** Opens routes as they answer, headers and all, in tabs that each go from one to the next, and tells which scripts ran and what else was asked for. */
async function openAll(paths: string[]): Promise<Seen> {
  const context = await browser.newContext({ extraHTTPHeaders: { Authorization: `Bearer ${api.keys.appKey}` } });
  const urls = new Set(paths.map((path) => api.url + path));
  try {
    const seen = await watch(context, (url) => urls.has(url));
    const left = [...urls];
    const tabs = Array.from({ length: 4 }, async () => {
      const tab = await context.newPage();
      for (let url = left.shift(); url !== undefined; url = left.shift()) {
        const answer = await tab.goto(url, { waitUntil: "load", timeout: 30_000 });
        if (answer?.status() !== 200) throw new Error(`${url} is ${answer?.status()}`);
        await touch(tab.mainFrame());
        await tab.waitForTimeout(50);
      }
    });
    await Promise.all(tabs);
    return seen();
  } finally {
    await context.close();
  }
}

test("what the route answers for hostile mail runs no script, and asks the network only where that is wanted", async () => {
  const messages = await hostileMessages();
  const some = messages.filter((_, n) => n % 12 === 0);
  const closed = [
    ...messages.map((at) => `${at}/html`),
    ...some.flatMap((at) => [`${at}/text`, `${at}/html?reply=only`]),
  ];
  expect(await openAll(closed)).toEqual({ ran: [], asked: [] });
  expect(asked).toEqual([]);
  const allowed = await openAll(messages.filter((_, n) => n % 4 === 0).map((at) => `${at}/html?remote=allow`));
  expect(allowed.ran).toEqual([]);
  expect(asked.length).toBeGreaterThan(0);
  expect(allowed.asked.filter((url) => !url.startsWith("http"))).toEqual([]);
}, 120_000);
