import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { startMailStack } from "../servers/mail-stack.ts";
import { deliver } from "../servers/maildir.ts";
import { startPostgres } from "../servers/postgres.ts";
import { untilIdle, wholeLog } from "./call-postern.ts";
import { splitOf, startReplicas } from "./replicas.ts";
import { accountOn } from "./start.ts";
import { letter } from "./watching.ts";

const count = 60;

/**
 * Three replicas share out 60 accounts, in which mail arrives all the time; one is killed, with `freezes` started again and another one frozen for
 * longer than its lease and thawed, and one ends in order. Each time each has its share soon, in the end each mail has been told once, and the log has no
 * gap. Gives how long after the kill the accounts were watched again, and after what was frozen froze, milliseconds.
 */
export async function shareAccounts(
  leaseSeconds: number,
  { freezes } = { freezes: false },
): Promise<{ afterKill: number; afterFreeze: number | null }> {
  const [stack, postgres] = await Promise.all([startMailStack(), startPostgres()]);
  const replicas = await startReplicas(postgres, 1, { POSTERN_LEASE_SECONDS: String(leaseSeconds) });
  const { call, each } = replicas;
  const accounts = await Promise.all(
    Array.from({ length: count }, async () => {
      const user = stack.dovecot.user();
      const { id } = await call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
      return { path: `/v1/accounts/${id}`, maildir: stack.dovecot.maildir(user) };
    }),
  );
  await untilIdle(
    call,
    accounts.map(({ path }) => path),
  );
  const [second, third] = (await Promise.all([replicas.add(), replicas.add()])).map(({ postern }) => postern);
  if (second === undefined || third === undefined) throw new Error("there are no three");

  /** How long it takes until so many watch everything, each its share, milliseconds. */
  async function untilShared(among: number): Promise<number> {
    const begun = Date.now();
    const most = Math.ceil(count / among) + 2;
    const isShared = async () => {
      const owned = await splitOf(replicas.databaseUrl);
      return owned.length === among && Math.max(...owned) <= most && owned.reduce((sum, one) => sum + one) === count;
    };
    await expect.poll(isShared, { timeout: leaseSeconds * 1_000 + 40_000, interval: 200 }).toBe(true);
    return Date.now() - begun;
  }
  await untilShared(3);

  const over = new AbortController();
  const sent: string[] = [];
  const mail = (async () => {
    while (!over.signal.aborted) {
      for (let n = 0; n < 3; n += 1) {
        sent.push(`number ${String(sent.length).padStart(5, "0")}`);
        deliver(accounts[(sent.length - 1) % count]?.maildir ?? "", letter(sent.at(-1) ?? ""));
      }
      await sleep(200);
    }
  })();
  // Nobody asks who does not answer.
  const without = (gone: typeof second): void => {
    each.splice(0, each.length, ...each.filter(({ postern }) => postern !== gone));
  };

  const all = [...each];
  without(third);
  await third.kill9();
  const afterKill = await untilShared(2);

  let afterFreeze: number | null = null;
  if (freezes) {
    await third.restart();
    each.splice(0, each.length, ...all);
    await untilShared(3);
    without(second);
    process.kill(second.pid(), "SIGSTOP");
    afterFreeze = await untilShared(2);
    process.kill(second.pid(), "SIGCONT");
    each.splice(0, each.length, ...all);
    await untilShared(3);
  }

  without(second);
  process.kill(second.pid(), "SIGTERM");
  await untilShared(freezes ? 2 : 1);
  await second.ended();

  over.abort();
  await mail;
  const told = async () => (await wholeLog(call)).filter(({ type }) => type === "message.created");
  const subjects = async () => (await told()).map(({ data }) => data.subject).toSorted();
  await expect.poll(subjects, { timeout: 30_000, interval: 500 }).toEqual(sent);
  const log = await wholeLog(call);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
  expect(log.filter(({ type }) => type === "account.degraded" || type === "account.unreachable")).toEqual([]);
  await Promise.all([second.stop(), third.stop(), replicas.stop()]);
  await Promise.all([postgres.stop(), stack.stop()]);
  return { afterKill, afterFreeze };
}
