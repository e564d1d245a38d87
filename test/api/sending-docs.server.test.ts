import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { provision } from "../servers/provision.ts";
import { makeScratch, removeScratch } from "../servers/scratch.ts";
import { type SmtpFront, startSmtpFront } from "../servers/smtp-front.ts";
import { type Api, startApi } from "./start.ts";
import { arrivedIn, correspondents, type Submission, submitted, to, untilSubmission } from "./submissions.ts";
import { letter, until } from "./watching.ts";
import { good } from "./webhooks.ts";

/** What docs/sending.md shows is run as it stands there, from top to bottom. */
const text = readFileSync(join(import.meta.dirname, "../../docs/sending.md"), "utf8");
/** Indented lines, from one with curl on. */
const commands = [...text.matchAll(/^ {4}curl [^\n]*\n(?:(?! {4}curl) {4}[^\n]*\n)*/gm)].map(([command]) => command);

let stack: MailStack;
let api: Api;
let front: SmtpFront;
const directory = makeScratch();

beforeAll(async () => {
  await provision(["curl"]);
  stack = await startMailStack();
  api = await startApi();
  front = await startSmtpFront({
    server: { port: stack.postfix.ports.smtps },
    certificate: stack.certificates.valid,
  });
});
afterAll(async () => {
  await api.stop();
  await front.stop();
  await stack.stop();
  removeScratch(directory);
});

test("each command works", async () => {
  const { from, inbox, sender, recipient } = await correspondents(api, stack, { smtpPort: front.port });
  await submitted(api, inbox, { to: to(sender.username), subject: "the original", text: "x" });
  const { id: original } = await arrivedIn(api, from);
  writeFileSync(join(directory, "invoice.pdf"), randomBytes(10_000));
  const eml = letter("raw").replace("me@postern.test", recipient.username).replace("ann@postern.test", sender.username);
  writeFileSync(join(directory, "message.eml"), eml);

  const ids = { sub: "", upl: "", msg: original };
  const ran: string[] = [];
  expect(commands.length).toBeGreaterThan(11);
  for (const command of commands) {
    if (command.includes('"resolve"')) {
      await until(
        () => good(api.call<{ data: Submission[] }>("GET", `${from}/submissions`)),
        ({ data }) => data.every(({ state }) => state === "sent" || state === "canceled"),
      );
      front.meet((moment) => (moment === "answer" ? "cut" : "pass"));
      const lost = await submitted(api, from, { to: to(recipient.username), subject: "x", text: "x" }, { wait: 0 });
      await untilSubmission(api, lost, ({ state }) => state === "uncertain");
      front.meet(() => "pass");
      ids.sub = lost.id;
    }
    const script = command
      .replaceAll("http://127.0.0.1:3025", api.url)
      .replaceAll(/\b(sub|upl|msg)_…/g, (_, prefix: keyof typeof ids) => ids[prefix])
      .replaceAll("bob@example.org", recipient.username)
      .replaceAll("curl ", "curl -sS --fail-with-body ");
    const { stdout } = await promisify(execFile)("/bin/sh", ["-ec", script], {
      cwd: directory,
      env: { PATH: process.env["PATH"] ?? "", KEY: api.keys.appKey, A: api.url + from },
    });
    const { id } = JSON.parse(stdout) as { id?: string };
    const prefix = id?.slice(0, 3);
    if (id !== undefined && (prefix === "sub" || prefix === "upl")) ids[prefix] = id;
    ran.push(stdout);
  }
  expect(ran).toHaveLength(commands.length);
});

test("the JSON in it is JSON", () => {
  for (const [, json = ""] of text.matchAll(/^```json\n([^]*?)^```/gm)) expect(() => JSON.parse(json)).not.toThrow();
});
