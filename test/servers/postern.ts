import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

import { freePort, loopback } from "./ports.ts";
import { makeScratch, mark, removeScratch } from "./scratch.ts";

const entry = resolve(import.meta.dirname, "../../src/node.ts");

/** As `npm start` has it; docs/decisions/006 says why. */
const quickLoad = new URL("../../src/quick-load.js", import.meta.url).href;
export const startFlags = ["--max-semi-space-size=16", "--import", quickLoad];

/** Postern refuses a POSTERN_ variable that it does not know, so the mark goes before it looks; in /proc it stays. */
const unmark = `data:text/javascript,delete process.env["${mark}"]`;

const patienceMs = 30_000;

export interface PosternOptions {
  /** More POSTERN_ variables, or others in place of those that `startPostern` sets. */
  env?: Record<string, string>;
}

export interface RunningPostern {
  /** Without a slash at the end; stays through a restart. */
  url: string;
  /** Told by the very first start on a database; "" where it was not the first. */
  operatorKey: string;
  appKey: string;
  appId: string;
  /** The folder of its database and its secret. */
  data: string;
  pid(): number;
  /** What it said when it started first. */
  greeting: string;
  /** All that it has written to stderr, the greetings included. */
  stderr(): string;
  /** The lines that it has written to stdout so far, which is its log; a restart goes on with it. */
  stdout: string[];
  /** Comes back when it has ended, for whatever reason. */
  ended(): Promise<void>;
  /** Asks it to end in order, and removes its data. Fails when it then ended with another code than 0. */
  stop(): Promise<void>;
  /** Kills it outright; its data stays. */
  kill9(): Promise<void>;
  /** Starts it once more on the same port and data, after it has ended. */
  restart(): Promise<void>;
}

/**
 * Starts the real Postern, `src/node.ts`, as a process of its own on a free loopback port and an empty folder. It may reach
 * every port of the loopback network. Of this process's environment it sees PATH only. Fails with what it said when it does not listen
 * within 30 seconds.
 */
export async function startPostern({ env = {} }: PosternOptions = {}): Promise<RunningPostern> {
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
  let stderr = "";

  async function start(): Promise<{ child: ChildProcess; greeting: string }> {
    const child = spawn(process.execPath, [...startFlags, "--import", unmark, entry], {
      cwd: directory,
      env: variables,
      detached: true, // a Ctrl-C in the terminal is for us; we stop it in order
      stdio: ["ignore", "pipe", "pipe"],
    });
    createInterface(child.stdout).on("line", (line) => stdout.push(line));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const before = stderr.length;
    try {
      await untilListening(child, () => stderr.slice(before));
    } catch (error) {
      await end(child, "SIGKILL");
      throw new Error(`Postern did not start: ${(error as Error).message}\n${stderr.slice(before)}`, { cause: error });
    }
    return { child, greeting: stderr.slice(before) };
  }

  let child: ChildProcess;
  let greeting: string;
  try {
    ({ child, greeting } = await start());
  } catch (error) {
    removeScratch(directory);
    throw error;
  }
  const told = (pattern: RegExp): string => pattern.exec(greeting)?.[1] ?? "";

  return {
    url: told(/listens on (\S+)/),
    operatorKey: told(/Operator key +(\S+)/),
    appKey: told(/App key +(\S+)/),
    appId: told(/of app (app_\w+)/),
    data,
    pid: () => child.pid ?? 0,
    greeting,
    stderr: () => stderr,
    stdout,
    async ended() {
      if (!hasEnded(child)) await once(child, "close");
    },
    async stop() {
      const ranUntilNow = !hasEnded(child);
      await end(child, "SIGTERM");
      removeScratch(directory);
      if (ranUntilNow && child.exitCode !== 0) {
        const lastWords = stderr.slice(greeting.length);
        throw new Error(`Postern ended with ${child.exitCode ?? child.signalCode} after SIGTERM\n${lastWords}`);
      }
    },
    kill9: () => end(child, "SIGKILL"),
    async restart() {
      ({ child } = await start());
    },
  };
}

/** It listens when its start-up lines are there; they are written at once, with an empty line at the end. */
async function untilListening(child: ChildProcess, said: () => string): Promise<void> {
  const listens = new Promise<void>((done) => {
    child.stderr?.on("data", () => {
      if (said().includes(" listens on ") && said().endsWith("\n\n")) done();
    });
  });
  const ended = once(child, "close").then(([code, signal]) => {
    throw new Error(`it ended with ${code ?? signal}`);
  });
  const late = once(AbortSignal.timeout(patienceMs), "abort").then(() => {
    throw new Error(`it did not listen within ${patienceMs} ms`);
  });
  await Promise.race([listens, ended, late]);
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Sends the signal, insists when it is not heeded, and comes back when the process has ended and all that it wrote is here. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const closed = once(child, "close");
  child.kill(signal);
  const insist = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await closed;
  clearTimeout(insist);
}
