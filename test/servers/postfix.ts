import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";

import type { Certificate } from "./ca.ts";
import { startDaemon } from "./daemon.ts";
import type { Dovecot } from "./dovecot.ts";
import { freePort, loopback } from "./ports.ts";
import { answers, mainConfiguration, masterConfiguration, postfixLog, type PostfixPorts } from "./postfix-config.ts";
import { run } from "./run.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

const command = "/usr/lib/postfix/sbin/master";

export interface PostfixOptions {
  /** Delivers the mail and checks the passwords. */
  dovecot: Dovecot;
  certificate: Certificate;
  /** In bytes, as told by EHLO's SIZE; default 100 MB. */
  messageSizeLimit?: number;
}

/** What of a running Postfix can be written down as JSON, for tests in other processes. */
export interface PostfixAddress {
  host: string;
  ports: PostfixPorts;
  directory: string;
}

export interface Postfix {
  address: PostfixAddress;
  host: string;
  ports: PostfixAddress["ports"];
  log(): string;
  pid(): number;
  stop(): Promise<void>;
  /** Stops and starts it on the same ports with the same queue. */
  restart(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a real Postfix on free loopback ports; its domain's mail goes to the given Dovecot, and no mail leaves the machine. */
export async function startPostfix({
  dovecot,
  certificate,
  messageSizeLimit = 100_000_000,
}: PostfixOptions): Promise<Postfix> {
  if (process.getuid?.() !== 0) throw new Error("Postfix as test server needs root: it runs as several users");
  const directory = makeScratch();
  const ports = {
    smtp: await freePort(),
    smtps: await freePort(),
    submission: await freePort(),
    small: await freePort(),
    plain: await freePort(),
  };
  const settings = { directory, host: loopback, ports, certificate, sockets: dovecot.sockets, messageSizeLimit };

  const etc = `${directory}/etc`;
  mkdirSync(etc);
  writeSettled(`${etc}/main.cf`, mainConfiguration(settings));
  writeSettled(`${etc}/master.cf`, masterConfiguration(settings));
  for (const [name, table] of Object.entries(answers())) writeSettled(`${etc}/${name}`, table);
  await makeQueue(directory);

  const start = () =>
    startDaemon({
      command,
      args: ["-c", etc, "-d"],
      directory,
      cwd: `${directory}/queue`,
      ports: Object.values(ports),
      log: postfixLog(directory),
    });
  let daemon = await start();

  return {
    address: { host: loopback, ports, directory },
    host: loopback,
    ports,
    log: () => readFileSync(postfixLog(directory), "utf8"),
    pid: () => daemon.pid,
    async stop() {
      await daemon.killAll(); // its queue goes with it, so there is nothing to end in order
      removeScratch(directory);
    },
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
    kill: (signal) => daemon.kill(signal),
  };
}

/** Postfix waits up to two seconds for a file that has just been changed to settle; this one looks old. */
function writeSettled(path: string, content: string): void {
  writeFileSync(path, content);
  utimesSync(path, 0, 0);
}

/** What `postfix start` would make, in a second; its owners and modes are those of postfix-files(5). */
async function makeQueue(directory: string): Promise<void> {
  const queues = "active bounce corrupt defer deferred flush hold incoming private saved trace".split(" ");
  mkdirSync(`${directory}/queue/pid`, { recursive: true });
  const own = [`${directory}/data`, ...queues.map((name) => `${directory}/queue/${name}`)];
  const shared = [`${directory}/queue/maildrop`, `${directory}/queue/public`];
  for (const path of own) mkdirSync(path, { mode: 0o700 });
  for (const path of shared) mkdirSync(path, { mode: 0o710 });
  await run("/usr/bin/chown", ["postfix", ...own]);
  await run("/usr/bin/chown", ["postfix:postdrop", ...shared]);
}
