import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { startPostern, type RunningPostern } from "../servers/postern.ts";
import { startPostgres } from "../servers/postgres.ts";
import { caller } from "./call-postern.ts";
import { accountOn } from "./start.ts";
import { type Listed, type Problem, type Submission, to } from "./submissions.ts";
import { until } from "./watching.ts";

type Posted = { status: number; replayed: boolean; body: Submission };

async function post(
  postern: Pick<RunningPostern, "url" | "appKey">,
  path: string,
  key: string,
  body: object,
): Promise<Posted> {
  const response = await fetch(`${postern.url}${path}/submissions`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${postern.appKey}`,
      "Content-Type": "application/json",
      "Idempotency-Key": key,
    },
    body: JSON.stringify(body),
  });
  const replayed = response.headers.get("idempotency-replayed") === "true";
  return { status: response.status, replayed, body: (await response.json()) as Submission };
}

/** A hundred posts of one message under one key, by these in turn: one is accepted, all others are told of it. */
async function hundred(
  posterns: Pick<RunningPostern, "url" | "appKey">[],
  path: string,
  body: object,
): Promise<Submission> {
  const posted = await Promise.all(
    Array.from({ length: 100 }, (_, n) => post(posterns[n % posterns.length] ?? fail(), path, "one-key", body)),
  );
  expect(posted.map(({ status }) => status)).toEqual(posted.map(() => 202));
  expect(posted.filter(({ replayed }) => !replayed)).toHaveLength(1);
  const [first] = posted;
  for (const one of posted) expect(one.body).toEqual(first?.body);
  return first?.body ?? fail();
}

const fail = (): never => {
  throw new Error("nothing was posted");
};

async function prepared(stack: MailStack, postern: RunningPostern) {
  const call = caller(postern);
  const [sender, recipient] = [stack.dovecot.user(), stack.dovecot.user()];
  const store = async (account: object): Promise<string> =>
    `/v1/accounts/${(await call<{ id: string }>("POST", "/v1/accounts", account)).id}`;
  const [from, inbox] = [await store(accountOn(stack, sender)), await store(accountOn(stack, recipient))];
  const list = async () => (await call<{ data: Listed[] }>("GET", `${inbox}/messages`)).data;
  return { call, from, body: { to: to(recipient.username), subject: "once", text: "x" }, list };
}

test("a hundred posts with one key make one message, also after a restart", async () => {
  const stack = await startMailStack();
  const postern = await startPostern();
  const { from, body, list } = await prepared(stack, postern);
  const accepted = await hundred([postern], from, body);
  await until(list, (all) => all.length === 1);
  for (const end of ["stop", "kill"]) {
    if (end === "kill") await postern.kill9();
    else {
      process.kill(postern.pid(), "SIGTERM");
      await postern.ended();
    }
    await postern.restart();
    const again = await Promise.all(Array.from({ length: 100 }, () => post(postern, from, "one-key", body)));
    for (const one of again) expect(one).toEqual({ status: 202, replayed: true, body: accepted });
    const other = await post(postern, from, "one-key", { ...body, text: "y" });
    expect([other.status, (other.body as unknown as Problem).code]).toEqual([422, "idempotency-key-reused"]);
  }
  await post(postern, from, "another-key", { ...body, subject: "twice" });
  const all = await until(list, (listed) => listed.length > 1);
  expect(all.map(({ subject }) => subject)).toEqual(["twice", "once"]);
  await postern.stop();
  await stack.stop();
});

test("so it is on two processes with one Postgres", async () => {
  const [stack, postgres] = await Promise.all([startMailStack(), startPostgres()]);
  const env = { POSTERN_DATABASE_URL: await postgres.database(), POSTERN_SECRET: randomBytes(32).toString("hex") };
  const first = await startPostern({ env });
  const second = await startPostern({ env });
  const { from, body, list } = await prepared(stack, first);
  await hundred([first, { url: second.url, appKey: first.appKey }], from, body);
  await until(list, (all) => all.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await list()).toHaveLength(1);
  await Promise.all([first.stop(), second.stop()]);
  await Promise.all([postgres.stop(), stack.stop()]);
});
