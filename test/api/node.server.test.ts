import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Postgres, startPostgres } from "../servers/postgres.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { accountOn } from "./start.ts";

const entry = resolve(import.meta.dirname, "../../src/node.ts");

let stack: MailStack;
let postgres: Postgres;

beforeAll(async () => {
  stack = await startMailStack();
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
  await stack.stop();
});

function run(env: Record<string, string>, ...args: string[]) {
  const { PATH = "" } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    env: { PATH, ...env },
    encoding: "utf8",
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

async function json<T>(postern: RunningPostern, method: string, path: string, body?: unknown, more = {}): Promise<T> {
  const response = await fetch(postern.url + path, {
    method,
    headers: { Authorization: `Bearer ${postern.appKey}`, "Content-Type": "application/json", ...more },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return (await response.json()) as T;
}

/** Stores an account, sends to itself and reads it: the main path, by process. */
async function mainPath(postern: RunningPostern): Promise<void> {
  const user = stack.dovecot.user();
  const { id } = await json<{ id: string }>(postern, "POST", "/v1/accounts", accountOn(stack, user));
  const message = { to: [{ name: "", email: user.username }], subject: "to myself", text: "hello" };
  const headers = { "Idempotency-Key": "one", Prefer: "wait=20" };
  const sent = await json<{ state: string }>(postern, "POST", `/v1/accounts/${id}/submissions`, message, headers);
  expect(sent.state).toBe("sent");
  const subjects = async () => {
    const { data } = await json<{ data: { subject: string }[] }>(postern, "GET", `/v1/accounts/${id}/messages`);
    return data.map(({ subject }) => subject);
  };
  await expect.poll(subjects, { timeout: 10_000 }).toEqual(["to myself"]);
}

describe("the process", () => {
  test("starts on nothing, makes a secret that only its owner reads, and tells two keys once", async () => {
    const postern = await startPostern();
    expect(statSync(join(postern.data, "secret")).mode & 0o777).toBe(0o600);
    expect(statSync(join(postern.data, "postern.db")).mode & 0o777).toBe(0o600);
    expect(postern.greeting).toContain(postern.appKey);
    const { appKey } = postern;
    await mainPath(postern);
    await postern.kill9();
    await postern.restart();
    expect(postern.stdout.join("\n")).not.toContain(appKey);
    expect(await json(postern, "GET", "/v1/me")).toMatchObject({ kind: "app" });
    await postern.stop();
  });

  test("does the same on Postgres", async () => {
    const postern = await startPostern({ env: { POSTERN_DATABASE_URL: await postgres.database() } });
    await mainPath(postern);
    expect(postern.greeting).toContain("Postgres");
    await postern.stop();
  });

  test("a second process on the same database refuses to start, and says so", async () => {
    const postern = await startPostern();
    const second = run({ POSTERN_DATA: postern.data, POSTERN_PORT: "0" });
    expect(second.status).toBe(1);
    expect(second.stderr).toContain("Another process uses the database");
    await postern.stop();
  });

  test("without its sealing secret, or with another one, it refuses to start and overwrites nothing", async () => {
    const postern = await startPostern();
    await postern.kill9();
    const secret = readFileSync(join(postern.data, "secret"), "utf8");
    const wrong = run({ POSTERN_DATA: postern.data, POSTERN_PORT: "0", POSTERN_SECRET: "x".repeat(40) });
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining("is not the one that this database")]);
    rmSync(join(postern.data, "secret"));
    const missing = run({ POSTERN_DATA: postern.data, POSTERN_PORT: "0" });
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining("is missing")]);
    expect(() => statSync(join(postern.data, "secret"))).toThrow("ENOENT");
    const right = await startPostern({ env: { POSTERN_DATA: postern.data, POSTERN_SECRET: secret.trim() } });
    await right.stop();
  });

  test("a new sealing secret takes over in one start, and the old one is needed no more", async () => {
    const [first, second] = ["a-first-secret-".repeat(4), "a-second-secret-".repeat(4)];
    const postern = await startPostern({ env: { POSTERN_SECRET: first } });
    const user = stack.dovecot.user();
    const { id } = await json<{ id: string }>(postern, "POST", "/v1/accounts", accountOn(stack, user));
    const { appKey } = postern;
    await postern.kill9();
    for (const env of [{ POSTERN_SECRET: second, POSTERN_SECRET_PREVIOUS: first }, { POSTERN_SECRET: second }]) {
      const next = await startPostern({ env: { POSTERN_DATA: postern.data, ...env } });
      const listing = await fetch(`${next.url}/v1/accounts/${id}/messages`, {
        headers: { Authorization: `Bearer ${appKey}` },
      });
      expect(listing.status).toBe(200);
      await next.stop();
    }
    const old = run({ POSTERN_DATA: postern.data, POSTERN_PORT: "0", POSTERN_SECRET: first });
    expect([old.status, old.stderr]).toEqual([1, expect.stringContaining("is not the one that this database")]);
  });

  test("a start that fails says why, in a sentence", () => {
    const data = "/tmp/postern-none";
    const postgresAway = run({ POSTERN_DATA: data, POSTERN_DATABASE_URL: "postgres://postgres@127.0.0.1:9/none" });
    expect([postgresAway.status, postgresAway.stderr]).toEqual([1, expect.stringContaining("ECONNREFUSED")]);
    const host = run({ POSTERN_DATA: data, POSTERN_HOST: "192.0.2.1", POSTERN_PORT: "0" });
    expect([host.status, host.stderr]).toEqual([1, expect.stringContaining("this machine has no such address")]);
    expect(postgresAway.stderr + host.stderr).not.toMatch(/\n\s+at /);
    rmSync(data, { recursive: true, force: true });
  });

  test("wrong settings are told all at once, and --help explains each", () => {
    const wrong = run({ POSTERN_PORT: "abc", POSTERN_LOG_LEVEL: "loud", POSTERN_PROT: "1" });
    expect(wrong.status).toBe(1);
    for (const words of ["POSTERN_PORT must be", "POSTERN_LOG_LEVEL must be", "did you mean POSTERN_PORT"])
      expect(wrong.stderr).toContain(words);
    const help = run({}, "--help");
    expect([help.status, help.stdout]).toEqual([0, expect.stringContaining("POSTERN_ALLOW_NETWORKS")]);
    expect(run({}, "--hlep").status).toBe(1);
    expect(run({}, "--version").stdout).toMatch(/^postern \d+\.\d+\.\d+\n$/);
  });

  test("on SIGTERM it lets a running answer end, takes no new one, and exits with 0", async () => {
    const postern = await startPostern();
    const user = stack.dovecot.user();
    const { id } = await json<{ id: string }>(postern, "POST", "/v1/accounts", accountOn(stack, user));
    const slow = json<{ state: string }>(
      postern,
      "POST",
      `/v1/accounts/${id}/submissions`,
      { to: [{ name: "", email: "defer@postern.test" }], subject: "slow", text: "x" },
      { "Idempotency-Key": "slow", Prefer: "wait=3" },
    );
    await expect.poll(() => postern.stdout.some((line) => line.includes('"event":"submission"'))).toBe(true);
    const stopped = postern.stop();
    expect((await slow).state).toMatch(/queued|sending/);
    await stopped;
  });

  test("where something else listens, it says so, makes no keys and claims no work", async () => {
    const postern = await startPostern();
    const port = new URL(postern.url).port;
    const data = `${postern.data}-second`;
    const second = run({ POSTERN_DATA: data, POSTERN_PORT: port });
    expect([second.status, second.stderr]).toEqual([
      1,
      expect.stringMatching(/^Postern can't listen on .*something else/),
    ]);
    await postern.stop();
    const third = await startPostern({ env: { POSTERN_DATA: data } });
    expect(third.appKey).toMatch(/^pst_/);
    await third.stop();
    rmSync(data, { recursive: true });
  });

  test("no connection of a stranger ends it", async () => {
    const postern = await startPostern();
    for (const start of ["CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\n"]) {
      const socket = connect(Number(new URL(postern.url).port), "127.0.0.1");
      socket.on("error", () => {});
      socket.write(start);
      await new Promise((sent) => setTimeout(sent, 50));
      socket.resetAndDestroy();
    }
    await new Promise((settled) => setTimeout(settled, 200));
    expect((await fetch(`${postern.url}/livez`)).status).toBe(200);
    await postern.stop();
  });

  test("a caller who only opens a connection does not keep it from ending", async () => {
    const postern = await startPostern();
    const socket = connect(Number(new URL(postern.url).port), "127.0.0.1");
    await new Promise((ready) => socket.once("connect", ready));
    const start = performance.now();
    await postern.stop();
    expect(performance.now() - start).toBeLessThan(10_000);
    socket.destroy();
  });
});
