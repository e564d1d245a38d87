import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../test/servers/ports.ts";
import { makeScratch, mark, removeScratch } from "../../test/servers/scratch.ts";
import { startFlags } from "../../test/servers/postern.ts";

const entry = resolve(import.meta.dirname, "../../src/node.ts");

/** Postern refuses a POSTERN_ variable that it does not know, so the mark goes before it looks; in /proc it stays. */
const unmark = `data:text/javascript,delete process.env["${mark}"]`;

export type BenchPostern = {
  host: string;
  port: number;
  appKey: string;
  pid: number;
  /** Ends it in order and removes its data; its profile is written by then. */
  stop(): Promise<void>;
};

export type PosternOptions = {
  /** Where a CPU profile of each of its threads goes when it ends; null for none. */
  profileInto: string | null;
  /** Stays when it ends, for the next one; absent: a folder of its own. */
  directory?: string;
  /** More POSTERN_ variables. */
  env?: Record<string, string>;
};

/**
 * Starts `src/node.ts` on SQLite as operators run it: a process of its own that writes its log to a file. It may reach
 * loopback mail servers on every port. Resolves when it says that it listens; fails with what it said instead.
 */
export async function startPostern(options: PosternOptions): Promise<BenchPostern> {
  const directory = options.directory ?? makeScratch();
  const port = await freePort();
  const { profileInto } = options;
  if (profileInto !== null) mkdirSync(profileInto, { recursive: true });
  const log = openSync(`${directory}/postern.log`, "a");
  const flags = profileInto === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileInto}`];
  const child = spawn(process.execPath, [...startFlags, ...flags, "--import", unmark, entry], {
    cwd: directory,
    env: {
      PATH: process.env["PATH"],
      POSTERN_DATA: `${directory}/data`,
      POSTERN_PORT: String(port),
      POSTERN_ALLOW_NETWORKS: "127.0.0.0/8",
      POSTERN_ALLOW_PORTS: "*",
      ...options.env,
      [mark]: directory,
    },
    stdio: ["ignore", log, "pipe"],
  });
  closeSync(log);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  const stop = async (): Promise<void> => {
    await end(child);
    if (options.directory === undefined) removeScratch(directory);
  };
  const deadline = Date.now() + 20_000;
  while (!/listens on [^]*\n\n$/.test(said)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`Postern did not start:\n${said}`);
    }
    await sleep(1);
  }
  const appKey = /App key +(\S+)/.exec(said)?.[1] ?? "";
  return { host: "127.0.0.1", port, appKey, pid: child.pid ?? 0, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGTERM");
  const insist = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await closed;
  clearTimeout(insist);
}

/** Resident memory of a process now and at its peak (since `forgetPeak`), in MB (10⁶ octets). */
export function memoryOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string): number => (Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6;
  return { now: read("VmRSS"), peak: read("VmHWM") };
}

/** The peak is counted from now on (proc(5)). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Processor time that a process with all its threads has used so far, milliseconds. */
export function processorTimeOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // What follows the name in brackets: utime and stime are the 14th and 15th field, in hundredths of a second.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
