import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";

import { beforeAll, describe, expect, test } from "vitest";

import { provision } from "./provision.ts";
import { leftovers } from "./scratch.ts";

/** Looks at what `leftovers` does not: the command lines, where the servers' main processes name their directories. */
const commandLines = (owner?: number): string[] =>
  execFileSync("/usr/bin/ps", ["-eo", "args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(`/tmp/pst-${owner}-`));

const left = (owner?: number): string[] => [...leftovers(owner), ...commandLines(owner)];

beforeAll(() => provision(["dovecot", "postfix", "postgres"]), 300_000);

describe("nothing stays behind", () => {
  /** A process of its own that owns a mail stack, a Postgres, and what it is told to do with them. */
  async function owner(then: string) {
    const script = `
      const { startMailStack } = await import("${import.meta.resolve("./mail-stack.ts")}");
      const { startPostgres } = await import("${import.meta.resolve("./postgres.ts")}");
      const [stack, postgres] = await Promise.all([startMailStack(), startPostgres()]);
      process.stdout.write("started");
      ${then}
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(leftovers(child.pid).filter((each) => each.startsWith("process")).length).toBeGreaterThan(20);
    expect(commandLines(child.pid)).toHaveLength(3);
    return child;
  }
  const untilTold = `process.stdin.resume();`;

  test("when the servers are stopped", async () => {
    const child = await owner(`
      await new Promise((resolve) => process.stdin.once("data", resolve));
      await Promise.all([stack.stop(), postgres.stop()]);
      process.kill(process.pid, "SIGKILL"); // past its clean-up on exit
    `);
    child.stdin.write("stop");
    await once(child, "exit");
    expect(left(child.pid)).toEqual([]);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("when their owner is ended by %s", async (signal) => {
    const child = await owner(untilTold);
    child.kill(signal);
    await once(child, "exit");
    await expect.poll(() => left(child.pid), { timeout: 5_000 }).toEqual([]); // the killed take a moment to go
  });

  test("when their owner was killed outright, once the next one has started", async () => {
    const killed = await owner(untilTold);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    const next = await owner(untilTold);
    await expect.poll(() => left(killed.pid), { timeout: 5_000 }).toEqual([]);
    next.kill("SIGTERM");
    await once(next, "exit");
  });
});
