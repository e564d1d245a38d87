import { execFile, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort, untilListening } from "../servers/ports.ts";
import { provision } from "../servers/provision.ts";
import { type Receiver, startReceiver } from "../servers/receiver.ts";
import { makeScratch, removeScratch } from "../servers/scratch.ts";
import { type Api, startApi } from "./start.ts";
import { until } from "./watching.ts";
import { type App, arrived, delivery, type Delivery, good, newApp, tellerOf, webhookAt } from "./webhooks.ts";

/** What docs/webhooks.md shows is run as it stands there. */
const text = readFileSync(join(import.meta.dirname, "../../docs/webhooks.md"), "utf8");
const files = new Map(
  [...text.matchAll(/^```\w+ (\S+)\n([^]*?)^```/gm)].map(([, name = "", code = ""]) => [name, code]),
);
/** Indented lines, from one with curl on. */
const commands = [...text.matchAll(/^ {4}curl [^\n]*\n(?: {4}[^\n]*\n)*/gm)].map(([command]) => command);

let api: Api;
let app: App;
let receiver: Receiver;
const directory = makeScratch();

beforeAll(async () => {
  await provision(["curl"]);
  api = await startApi();
  app = await newApp(api);
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await api.stop();
  removeScratch(directory);
});

const fileOf = (name: string): string => {
  const code = files.get(name);
  if (code === undefined) throw new Error(`docs/webhooks.md has no ${name}`);
  return code;
};

const shell = async (script: string, env: Record<string, string>): Promise<string> => {
  const { stdout } = await promisify(execFile)("/bin/sh", ["-ec", script], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  return stdout;
};

test("the example is signed by the secret beside it", () => {
  const [, id = "", timestamp, signature] =
    /^webhook-id: (.*)\nwebhook-timestamp: (.*)\nwebhook-signature: (.*)$/m.exec(text) ?? [];
  const [, body = ""] = /^```json\n(\{\n {2}"id": "evt_[^]*?)^```/m.exec(text) ?? [];
  const [, secret = ""] = /signed by `(whsec_[^`]+)`/.exec(text) ?? [];
  const whole = JSON.stringify(JSON.parse(body));
  expect(new Webhook(secret).sign(id, new Date(Number(timestamp) * 1000), whole)).toBe(signature);
  expect(text).toContain(`${Buffer.byteLength(whole)} octets`);
});

test("the receiver takes what Postern and the shell have signed, and refuses another secret", async () => {
  const port = await freePort();
  const endpoint = receiver.endpoint();
  const url = `http://127.0.0.1:${port}/`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", fileOf("receiver.ts")], {
    cwd: join(import.meta.dirname, "../.."),
    env: { PORT: String(port), WEBHOOK_SECRET: endpoint.secret },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (said += piece));
  try {
    await untilListening([port], () => (child.exitCode === null ? undefined : "it has ended"));
    const webhook = await webhookAt(app, { ...endpoint, url });
    const tested = app.call<Delivery>("POST", `/v1/webhooks/${webhook.id}/test`, { type: "message.created" });
    const { state, eventId } = await good(tested);
    expect(state).toBe("delivered");
    await until(
      async () => said,
      (all) => all.includes(eventId),
    );

    const env = { URL: url, SECRET: endpoint.secret };
    expect(await shell(fileOf("sign.sh"), env)).toMatch(/^v1,[A-Za-z0-9+/]{43}=\n.*HTTP\/1.1 204/s);
    await until(
      async () => said,
      (all) => all.includes("evt_example"),
    );
    expect(await shell(fileOf("sign.sh"), { URL: url })).toMatch(/HTTP\/1.1 400/);
    expect(await shell(fileOf("sign.sh"), { ...env, TIMESTAMP: "1614265330" })).toMatch(/HTTP\/1.1 400/);
    await app.call("DELETE", `/v1/webhooks/${webhook.id}`);
  } finally {
    const closed = once(child, "close");
    child.kill();
    await closed;
  }
});

test("the check by hand takes what is signed by either of two secrets, and nothing else", async () => {
  const path = `${directory}/verify.ts`;
  writeFileSync(path, fileOf("verify.ts"));
  type Verify = (secret: string, headers: object, body: string) => unknown;
  const { verify } = (await import(/* @vite-ignore */ path)) as { verify: Verify };
  const endpoint = receiver.endpoint();
  const webhook = await webhookAt(app, endpoint);
  const rotated = await good(app.call<{ secret: string }>("POST", `/v1/webhooks/${webhook.id}/rotate-secret`, {}));
  await (await tellerOf(app)).tell();
  const [got] = await arrived(endpoint, 1);
  const { headers = {}, body = "" } = got ?? {};
  for (const secret of [endpoint.secret, rotated.secret])
    expect(verify(secret, headers, body)).toEqual(JSON.parse(body));
  expect(verify(receiver.endpoint().secret, headers, body)).toBeNull();
  expect(verify(rotated.secret, headers, `${body} `)).toBeNull();
  expect(verify(rotated.secret, { ...headers, "webhook-id": "evt_other" }, body)).toBeNull();
  expect(verify(rotated.secret, { ...headers, "webhook-timestamp": "1614265330" }, body)).toBeNull();
  expect(verify(rotated.secret, {}, body)).toBeNull();
});

test("each command works", async () => {
  const endpoint = receiver.endpoint();
  const webhook = await webhookAt(app, endpoint);
  const teller = await tellerOf(app);
  await teller.tell();
  const done = await delivery(app, webhook, ({ state }) => state === "delivered");
  const ran: string[] = [];
  expect(commands.length).toBeGreaterThan(5);
  for (const command of commands) {
    if (command.includes("$MESSAGE_ID")) continue; // needs a mailbox: webhooks.server.test.ts gets one
    const script = command
      .replaceAll("http://127.0.0.1:3025", api.url)
      .replaceAll("whk_…", webhook.id)
      .replaceAll("dlv_…", done.id)
      .replaceAll("evt_…", done.eventId)
      .replaceAll("curl ", "curl -sS --fail-with-body ");
    ran.push(await shell(script, { KEY: app.key }));
  }
  expect(ran.length).toBe(commands.length - 1);
  await arrived(endpoint, 3); // by itself, as a test, and again
});
