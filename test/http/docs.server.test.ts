import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFront } from "../../src/http/front.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { registerRoutes, type Operations } from "../../src/http/routes.ts";
import { serveNode, type Served } from "../../src/http/serve-node.ts";
import { provision } from "../servers/provision.ts";

const script = join(import.meta.dirname, "../../node_modules/@scalar/api-reference/dist/browser/standalone.js");
const never = () => Promise.reject(new Error("not called"));

let served: Served;
let browser: Browser;

beforeAll(async () => {
  await provision(["chromium"]);
  const log = { write: () => {} };
  const app = createFront({
    config: { maxBody: 1024, publicUrl: null },
    maxMessage: 2_000_000,
    log,
    metrics: createMetrics(),
    clock: { now: Date.now, sleep: never },
    authenticate: never,
    ready: never,
    docsScript: () => readFile(script),
  });
  registerRoutes(app, new Proxy({} as Operations, { get: () => never }));
  served = await serveNode({ fetch: (request) => app.fetch(request), host: "127.0.0.1", port: 0, log });
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
  await browser.close();
  await served.close(0);
});

test("/docs shows every operation in a real browser, from our origin only, without a complaint", async () => {
  const origin = `http://127.0.0.1:${served.port}`;
  const page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
  const complaints: string[] = [];
  const foreign: string[] = [];
  page.on("console", (message) => ["warning", "error"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`) && !/^(?:data|blob):/.test(request.url())) foreign.push(request.url());
  });
  await page.goto(`${origin}/docs`, { waitUntil: "networkidle" });
  await page.getByRole("heading", { name: "Postern", exact: true }).waitFor();
  await page.goto(`${origin}/docs#tag/keys/POST/v1/apps/{appId}/keys`);
  await page.getByRole("heading", { name: "Make a key" }).first().waitFor();
  const text = await page.locator("body").innerText();
  for (const words of ["List the apps", "Revoke a key", "Nightly import", "accountIds"]) expect(text).toContain(words);
  expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
});

test("the page's policy names no other origin, and lets no inline script run", async () => {
  const response = await fetch(`http://127.0.0.1:${served.port}/docs`);
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
});
