import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { searchOperators } from "../../src/mail/search-operators.ts";
import { fillMaildir } from "../servers/maildir.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { provision } from "../servers/provision.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";

/** What docs/search.md shows is run as it stands there. */
const text = readFileSync(join(import.meta.dirname, "../../docs/search.md"), "utf8");
/** Indented lines, from one with curl on. */
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
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), 12, { to: user.username });
  const path = await storeAccount(api, accountOn(stack, user));
  const pages: { data: object[]; meta: object }[] = [];
  expect(commands.length).toBeGreaterThan(6);
  for (const command of commands) {
    const { stdout } = await promisify(execFile)(
      "/bin/sh",
      ["-ec", command.replace("curl ", "curl -sS --fail-with-body ")],
      {
        env: { PATH: process.env["PATH"] ?? "", KEY: api.keys.appKey, A: api.url + path },
      },
    );
    pages.push(JSON.parse(stdout) as (typeof pages)[number]);
  }
  expect(pages.map(({ meta }) => meta)).toEqual(
    commands.map(() => expect.objectContaining({ failed: [], undecided: 0 })),
  );
  expect(pages.at(-1)?.data).toHaveLength(10);
});

test("each operator of a sentence is in its table", () => {
  const missing = [...searchOperators.keys()].filter((name) => !text.includes(`\`${name}:`));
  expect(missing).toEqual([]);
});
