import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { User } from "../../test/servers/mailboxes.ts";
import { fillMaildir } from "../../test/servers/maildir.ts";
import { isLookedAtSince } from "./watching.ts";
import { imapOf, type World } from "./world.ts";

/** Messages in each inbox. */
const messages = 10;

/** Many accounts under watch, each with a mailbox of its own. */
export type Crowd = {
  /** Stores accounts until there are so many, and waits until each is watched. */
  growTo(count: number): Promise<void>;
  /** Waits until each account has been looked at since then (milliseconds since the epoch). */
  untilLookedAtSince(since: number): Promise<void>;
  /** Postern's connections to the mail server that stand now. */
  connections(): number;
  users: User[];
};

export function makeCrowd(world: World): Crowd {
  const { api, stack } = world;
  const users: User[] = [];
  const paths: string[] = [];

  async function untilLookedAtSince(since: number): Promise<void> {
    const deadline = performance.now() + 300_000;
    for (const path of paths) {
      while (!(await isLookedAtSince(api, path, since))) {
        if (performance.now() > deadline) throw new Error(`${path} has not been looked at for five minutes`);
        await sleep(250);
      }
    }
  }

  return {
    users,
    untilLookedAtSince,
    connections: () => established(stack.dovecot.ports.imaps),
    async growTo(count) {
      while (users.length < count) {
        const user = stack.dovecot.user();
        fillMaildir(stack.dovecot.maildir(user), messages, { to: user.username });
        paths.push(await world.store({ email: user.username, incoming: imapOf(stack, user), verify: false }));
        users.push(user);
      }
      await untilLookedAtSince(0);
    },
  };
}

/** Connections of this machine to a port of its own, from the client's side (proc(5): state 01 is ESTABLISHED). */
function established(port: number): number {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return rows.filter((row) => {
    const [, , to = "", state] = row.trim().split(/\s+/);
    return to.endsWith(remote) && state === "01";
  }).length;
}
