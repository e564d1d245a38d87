import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { resolve } from "node:path";

import { freePort, loopback } from "./ports.ts";
import { makeScratch, mark, removeScratch } from "./scratch.ts";

const entry = resolve(import.meta.dirname, "../../src/node.ts");

/** Postern refuses a POSTERN_ variable that it does not know, so the mark goes before it looks; in /proc it stays. */
const unmark = `data:text/javascript,delete process.env["${mark}"]`;

export interface PosternOptions {
  /** More POSTERN_ variables, or others in place of those below. */
  env?: Record<string, string>;
  /** Until it listens, or has ended by itself; default 10,000. */
  startWithinMs?: number;
}

export interface RunningPostern {
  /** Without a slash at the end; stays through a restart. */
  url: string;
  /** The keys of the very first start, and the app of the second; "" on a database that had been started before. */
  operatorKey: string;
  appKey: string;
  appId: string;
  /** The folder of its database and its secret. */
  data: string;
  pid(): number;
  /** What it has written to stdout so far, restarts included: its log, a line of JSON each. */
  stdout: string[];
  /** … and to stderr: the start-up lines, and what it died of. */
  stderr: string[];
  /** Asks it to end in order, and removes its data. Fails when it then ended with another code than 0. */
  stop(): Promise<void>;
  /** Kills it outright; its data stays. */
  kill9(): Promise<void>;
  /** Starts it once more on the same port and data; it must have ended. */
  restart(): Promise<void>;
}

/**
 * Starts the real Postern, `src/node.ts`, as a process of its own on a free loopback port and an empty folder. It may reach
 * loopback servers on every port. Nothing of this process's environment reaches it but PATH.
 */
export async function startPostern({ env = {}, startWithinMs = 10_000 }: PosternOptions = {}): Promise<RunningPostern> {
  const directory = makeScratch();
  const data = `${directory}/data`;
  const variables = {
    PATH: process.env["PATH"] ?? "",
    POSTERN_DATA: data,
    POSTERN_PORT: String(await freePort()),
    POSTERN_ALLOW_NETWORKS: `${loopback}/8`,
    POSTERN_ALLOW_PORTS: "*",
    ...env,
    [mark]: directory,
  };
  const stdout: string[] = [];
  const stderr: string[] = [];

  async function start(): Promise<{ child: ChildProcess; greeting: string }> {
    const child = spawn(process.execPath, ["--import", unmark, entry], {
      cwd: directory,
      env: variables,
      detached: true, // a Ctrl-C in the terminal is for us; we stop it in order
      stdio: ["ignore", "pipe", "pipe"],
    });
    createInterface(child.stdout).on("line", (line) => stdout.push(line));
    const before = stderr.length;
    createInterface(child.stderr).on("line", (line) => stderr.push(line));
    try {
      return { child, greeting: await greetingOf(child, startWithinMs) };
    } catch (error) {
      await end(child, "SIGKILL");
      throw new Error(`Postern did not start: ${(error as Error).message}\n${stderr.slice(before).join("\n")}`, {
        cause: error,
      });
    }
  }

  let { child, greeting } = await start().catch((error: unknown) => {
    removeScratch(directory);
    throw error;
  });
  const told = (pattern: RegExp): string => pattern.exec(greeting)?.[1] ?? "";

  return {
    url: told(/listens on (\S+)/),
    operatorKey: told(/Operator key +(\S+)/),
    appKey: told(/App key +(\S+)/),
    appId: told(/\(app (app_\w+)/),
    data,
    pid: () => child.pid ?? 0,
    stdout,
    stderr,
    async stop() {
      const ranUntilNow = !hasEnded(child);
      await end(child, "SIGTERM");
      removeScratch(directory);
      if (ranUntilNow && child.exitCode !== 0) {
        throw new Error(`Postern ended with ${child.exitCode ?? child.signalCode} after SIGTERM\n${stderr.join("\n")}`);
      }
    },
    kill9: () => end(child, "SIGKILL"),
    async restart() {
      ({ child, greeting } = await start());
    },
  };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Sends the signal, insists after 30 seconds, and comes back when it has ended and all that it wrote is here. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const closed = once(child, "close");
  child.kill(signal);
  const insist = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await closed;
  clearTimeout(insist);
}

/** What it says on stderr once it listens, up to the empty line at its end. */
async function greetingOf(child: ChildProcess, withinMs: number): Promise<string> {
  let said = "";
  child.stderr?.setEncoding("utf8");
  const greeted = new Promise<string>((done) => {
    child.stderr?.on("data", (text: string) => {
      said += text;
      if (/listens on/.test(said) && said.endsWith("\n\n")) done(said);
    });
  });
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`it ended with ${String(code ?? signal)}`);
  });
  const late = once(AbortSignal.timeout(withinMs), "abort").then(() => {
    throw new Error(`it did not listen within ${withinMs} ms`);
  });
  return await Promise.race([greeted, ended, late]);
}
