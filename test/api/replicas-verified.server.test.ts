import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Postgres, startPostgres } from "../servers/postgres.ts";
import { type Replica, type Replicas, startReplicas } from "./replicas.ts";
import { accountOn } from "./start.ts";

let stack: MailStack;
let postgres: Postgres;
let replicas: Replicas;

beforeAll(async () => {
  [stack, postgres] = await Promise.all([startMailStack(), startPostgres()]);
  replicas = await startReplicas(postgres, 2);
});
afterAll(async () => {
  await replicas?.stop();
  await Promise.all([postgres?.stop(), stack?.stop()]);
});

test("an account that was refused at one replica, and verified at another, works at both", async () => {
  const [one, two] = replicas.each as [Replica, Replica];
  const user = stack.dovecot.userWithPassword("right");
  const { id } = await one.call<{ id: string }>("POST", "/v1/accounts", {
    ...accountOn(stack, user),
    watch: { mode: "off" },
  });
  const path = `/v1/accounts/${id}`;
  const folders = async ({ url, appKey }: Replica) =>
    (await fetch(`${url}${path}/folders`, { headers: { Authorization: `Bearer ${appKey}` } })).status;
  await stack.dovecot.setPassword(user.username, "another");
  expect(await folders(two)).toBe(409);
  await stack.dovecot.setPassword(user.username, "right");
  await one.call("POST", `${path}/verify`);
  expect([await folders(one), await folders(two)]).toEqual([200, 200]);
});
