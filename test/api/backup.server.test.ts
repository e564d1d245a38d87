import { copyFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { makeScratch, removeScratch } from "../servers/scratch.ts";

const scratch = makeScratch();
let postern: RunningPostern;
beforeAll(async () => {
  postern = await startPostern();
});
afterAll(async () => {
  await postern.stop();
  removeScratch(scratch);
});

type Answered = { id: string; data: { id: string }[]; nextCursor: string | null };

const call = async (path: string, body?: object): Promise<Answered> => {
  const answer = await fetch(`${postern.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Authorization: `Bearer ${postern.appKey}`,
      "Content-Type": "application/json",
      "Idempotency-Key": crypto.randomUUID(),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  expect(answer.status).toBeLessThan(300);
  return (await answer.json()) as Answered;
};

test("a copy made while Postern writes, as docs/deploy.md makes it, is whole, and Postern starts on it", async () => {
  const login = { type: "password", username: "ann", password: "a-password" };
  const { id } = await call("/v1/accounts", {
    email: "ann@postern.test",
    outgoing: { protocol: "smtp", host: "127.0.0.1", port: 465, security: "tls", auth: login },
    verify: false,
  });
  const sendAt = new Date(Date.now() + 86_400_000).toISOString();
  const message = { to: [{ email: "bob@postern.test" }], subject: "Later", text: "x".repeat(100_000), sendAt };
  const accepted: string[] = [];
  const copying = new AbortController();
  const submit = async (): Promise<void> => {
    while (!copying.signal.aborted) accepted.push((await call(`/v1/accounts/${id}/submissions`, message)).id);
  };
  const submitting = Promise.all([submit(), submit(), submit(), submit()]);
  while (accepted.length < 20) await sleep(20);

  const before = [...accepted];
  const copy = `${scratch}/copy.db`;
  const source = new Database(`${postern.data}/postern.db`, { readonly: true });
  source.prepare("vacuum into ?").run(copy);
  source.close();
  copying.abort();
  await submitting;

  const copied = new Database(copy, { readonly: true });
  expect(copied.pragma("integrity_check", { simple: true })).toBe("ok");
  copied.close();
  await postern.kill9();
  for (const name of ["postern.db-wal", "postern.db-shm"]) rmSync(`${postern.data}/${name}`);
  copyFileSync(copy, `${postern.data}/postern.db`);
  await postern.restart();

  const found: string[] = [];
  for (let cursor = ""; ;) {
    const page = await call(`/v1/accounts/${id}/submissions?limit=200${cursor}`);
    found.push(...page.data.map((one) => one.id));
    if (page.nextCursor === null) break;
    cursor = `&cursor=${page.nextCursor}`;
  }
  expect(found).toEqual(expect.arrayContaining(before));
  expect((await call(`/v1/accounts/${id}/submissions`, message)).id).toMatch(/^sub_/);
});
