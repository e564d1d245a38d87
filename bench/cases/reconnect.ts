import { connect } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import type { Case } from "../frame/case.ts";
import { makeCrowd } from "../frame/crowd.ts";
import { inDigits } from "../frame/sizes.ts";
import type { World } from "../frame/world.ts";
import { plainFigure } from "../frame/figure.ts";

const count = 1_000;

/** The mail server is restarted under many watched accounts. */
export const reconnect: Case = {
  name: "reconnect",
  async run(world) {
    const crowd = makeCrowd(world);
    await crowd.growTo(count);
    const { dovecot } = world.stack;
    const logged = dovecot.log().length;
    const restarted = dovecot.restart();
    const answered = await firstAnswer(world);
    const { logins, last } = await untilAllLoggedIn(
      world,
      logged,
      new Set(crowd.users.map(({ username }) => username)),
    );
    await restarted;
    await crowd.untilLookedAtSince(answered.at);
    if (crowd.connections() !== count) throw new Error(`${crowd.connections()} connections of ${count} stand`);
    const took = (last - answered.clock) / 1000;
    const rate = mostIn(5, logins);
    return [
      plainFigure(`${inDigits(count)} watched accounts logged in again after the server's first answer`, "s", took, {
        atMost: 75,
      }),
      plainFigure("logins meanwhile, at most, over 5 s", "/s", rate, { atMost: 20 }),
    ];
  },
};

/** Waits until the server is gone and then until it greets; when that was by `performance.now()` and since the epoch. */
async function firstAnswer(world: World): Promise<{ clock: number; at: number }> {
  while (await greets(world)) await sleep(20);
  while (!(await greets(world))) await sleep(20);
  return { clock: performance.now(), at: Date.now() };
}

async function greets({ stack }: World): Promise<boolean> {
  const { host, ports } = stack.dovecot;
  const socket = connect(ports.imap, host);
  try {
    const greeting = once(socket, "data", { signal: AbortSignal.timeout(1_000) });
    const closed = once(socket, "close").then(
      () => null,
      () => null,
    );
    return (await Promise.race([greeting.catch(() => null), closed])) !== null;
  } finally {
    socket.destroy();
  }
}

/** Reads the server's log: when each login was noticed, and when the last of the users had logged in, by `performance.now()`. */
async function untilAllLoggedIn(
  { stack }: World,
  from: number,
  waiting: Set<string>,
): Promise<{ logins: number[]; last: number }> {
  const deadline = performance.now() + 300_000;
  const logins: number[] = [];
  let read = from;
  for (;;) {
    const log = stack.dovecot.log();
    const end = log.lastIndexOf("\n") + 1;
    const now = performance.now();
    for (const [, username = ""] of log.slice(read, end).matchAll(/imap-login: Info: Login: user=<([^>]+)>/g)) {
      logins.push(now);
      waiting.delete(username);
    }
    read = end;
    if (waiting.size === 0) return { logins, last: now };
    if (now > deadline) throw new Error(`${waiting.size} of ${count} did not come back`);
    await sleep(20);
  }
}

/** The most of these times that lie within so many seconds, for each second. */
function mostIn(seconds: number, times: number[]): number {
  const counts = times.map((from, nth) => times.slice(nth).filter((time) => time < from + seconds * 1000).length);
  return Math.max(...counts) / seconds;
}
