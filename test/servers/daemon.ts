import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { untilListening } from "./ports.ts";
import { kill, mark, processesIn } from "./scratch.ts";

export interface DaemonOptions {
  command: string;
  args: string[];
  /** The scratch directory it belongs to. */
  directory: string;
  /** Where it works, inside the scratch directory. */
  cwd?: string;
  /** The ports that show, by accepting connections, that it has started. */
  ports: number[];
  /** Milliseconds it may take to start; default 10,000. */
  withinMs?: number;
  /** Its own log, shown when it does not start. */
  log?: string;
  stopSignal?: NodeJS.Signals;
  /** Besides PATH and LANG; nothing of ours is passed on. */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
}

export interface Daemon {
  pid: number;
  /** Asks it to end, insists after two seconds, and comes back when no process of its is left. */
  stop(): Promise<void>;
  /** Sends the signal to its main process only. */
  kill(signal: NodeJS.Signals): void;
  /** Kills all of its processes at once, as a power cut would. */
  killAll(): Promise<void>;
}

/** Starts a server program in the foreground and waits until it listens. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { command, args, directory, cwd = directory, ports, stopSignal = "SIGTERM" } = options;
  const outputFile = `${directory}/output.log`;
  const output = openSync(outputFile, "a");
  const child = spawn(command, args, {
    cwd,
    detached: true, // a Ctrl-C in the terminal is for us; we stop it in order
    stdio: ["ignore", output, output],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", ...options.env, [mark]: directory },
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gid !== undefined && { gid: options.gid }),
  });
  closeSync(output);
  child.unref();
  let unstartable: string | undefined;
  child.on("error", (error) => (unstartable = error.message));
  const ended = (): string | undefined => {
    const outcome = child.exitCode ?? child.signalCode;
    return outcome === null ? unstartable : `it ended with ${outcome}`;
  };

  const stop = async (): Promise<void> => {
    child.kill(stopSignal);
    const patience = Date.now() + 2_000;
    while (!ended() && Date.now() < patience) await sleep(10);
    await killAll(); // helpers of a server that has ended have nothing left to do
  };
  const killAll = async (): Promise<void> => {
    const left = (): ReturnType<typeof processesIn> => processesIn(directory, child.pid);
    for (let running = left(); running.length > 0; running = left()) {
      for (const { pid } of running) kill(pid);
      await sleep(10);
    }
  };
  try {
    await untilListening(ports, ended, options.withinMs);
  } catch (error) {
    await killAll();
    const said = [outputFile, options.log].map(tailOf).join("\n");
    throw new Error(`${command} did not start: ${(error as Error).message}\n${said}`, { cause: error });
  }
  return { pid: child.pid ?? 0, stop, killAll, kill: (signal) => void child.kill(signal) };
}

function tailOf(file: string | undefined): string {
  try {
    return file ? readFileSync(file, "utf8").trim().slice(-2000) : "";
  } catch {
    return "";
  }
}
