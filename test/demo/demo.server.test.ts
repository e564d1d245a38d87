import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

import { afterEach, beforeAll, describe, expect, test } from "vitest";

import { provision } from "../servers/provision.ts";
import { leftovers } from "../servers/scratch.ts";

beforeAll(() => provision(["dovecot", "postfix"]), 300_000);

let demo: ChildProcess;
let output: string;

function start(...args: string[]): void {
  output = "";
  demo = spawn(process.execPath, [resolve(import.meta.dirname, "demo.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FORCE_COLOR: undefined },
  });
  for (const stream of [demo.stdout, demo.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
}

/** What it ended with; what it said is shown if that is wrong. */
async function expectEnd(code: number): Promise<void> {
  const [actual, signal] = await once(demo, "close");
  expect({ ended: actual ?? signal, output }).toEqual({ ended: code, output });
}

const told = (pattern: RegExp): string => pattern.exec(output)?.[1] ?? "";

async function expectNothingLeft(url: string): Promise<void> {
  await expect.poll(() => leftovers(demo.pid), { timeout: 5_000 }).toEqual([]); // the killed take a moment to go
  await expect(fetch(`${url}/livez`)).rejects.toThrow("fetch failed");
}

afterEach(() => demo.kill("SIGTERM")); // where an assertion failed it may still run

describe("npm run demo", () => {
  test("tells its story to the end and leaves nothing behind", { timeout: 60_000 }, async () => {
    start();
    await expectEnd(0);
    expect(output).toMatch(/✓ sha256 [0-9a-f]{64}\n {2}✓ identical to the [\d,]+ bytes that Ann sent\n/);
    expect(output.match(/identical to the/g)).toHaveLength(2); // by IMAP and by POP3
    expect(output).toMatch(
      / 422 Unprocessable Entity .*\n {2}\{\n {4}"type": "urn:postern:problem:unsupported-by-protocol"/,
    );
    expect(output).toMatch(/ 410 Gone .*\n {2}\{\n {4}"type": "urn:postern:problem:message-gone"/);
    expect(output).toMatch(/\d+ HTTP calls in \d+\.\d s/);
    expect(output).not.toContain("\u001b"); // this is no terminal
    await expectNothingLeft(told(/listens on (\S+)/));
  });

  test("stays on demand, answers its line of curl, and goes on Ctrl-C", { timeout: 60_000 }, async () => {
    start("--stay");
    await expect.poll(() => output, { timeout: 50_000 }).toContain("Ctrl-C stops everything.");
    const key = told(/curl -s -H "Authorization: Bearer (\w+)"/);
    const url = told(/^curl .* "(http\S+\/messages)"$/m);
    const response = await fetch(url, { headers: { Authorization: `Bearer ${key}` } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ data: [], nextCursor: null });

    demo.kill("SIGINT");
    await expectEnd(0);
    await expectNothingLeft(new URL(url).origin);
  });

  test("ends with 130 and leaves nothing behind when it is interrupted", { timeout: 60_000 }, async () => {
    start();
    await expect.poll(() => output, { timeout: 50_000, interval: 10 }).toContain("POST /v1/accounts");
    demo.kill("SIGINT");
    await expectEnd(130);
    await expectNothingLeft(told(/listens on (\S+)/));
  });
});
