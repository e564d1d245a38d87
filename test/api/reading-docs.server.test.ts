import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { provision } from "../servers/provision.ts";
import { mailOfParts, onlyOne, textPart } from "./shown.ts";
import { type Api, startApi } from "./start.ts";

/** What docs/reading.md shows is run as it stands there. */
const text = readFileSync(join(import.meta.dirname, "../../docs/reading.md"), "utf8");
const commands = [...text.matchAll(/^ {4}curl [^\n]*\n(?:(?! {4}curl) {4}[^\n]*\n)*/gm)].map(([command]) => command);

let stack: MailStack;
let api: Api;

beforeAll(async () => {
  await provision(["curl"]);
  stack = await startMailStack();
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

test("each command works", async () => {
  const raw = mailOfParts("multipart/alternative", [textPart("Hi"), textPart("<p>Hi</p>", "html")]);
  const { path, at } = await onlyOne({ api, stack }, "IMAP", raw);
  expect(commands.length).toBeGreaterThan(7);
  for (const command of commands) {
    const script = command.replaceAll("curl ", "curl -sS --fail-with-body ");
    const env = { PATH: process.env["PATH"] ?? "", KEY: api.keys.appKey, A: api.url + path, M: api.url + at };
    const { stdout } = await promisify(execFile)("/bin/sh", ["-ec", script], { env });
    expect(stdout).toMatch(/Hi|"flagged":true/);
  }
});

test("the JSON in it is JSON", () => {
  for (const [, json = ""] of text.matchAll(/^```json\n([^]*?)^```/gm)) expect(() => JSON.parse(json)).not.toThrow();
});
