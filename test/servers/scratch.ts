import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";

/**
 * Every server runs in a scratch directory of its own, /tmp/pst-OWNER-random, and its processes carry that path in
 * their environment or work there. So whatever a run leaves behind can be found, and told from the servers of another run on the
 * same machine.
 */
const root = "/tmp";
const prefix = "pst-"; // short: the path of a unix socket has to stay under 108 bytes
export const mark = "POSTERN_TEST_DIRECTORY";

const made = new Set<string>();
let guarded = false;

/** Makes a directory that other users may enter, and that is gone when this process is. */
export function makeScratch(): string {
  if (!guarded) {
    guarded = true;
    sweepAbandoned();
    cleanUpOnExit();
  }
  const directory = mkdtempSync(`${root}/${prefix}${process.pid}-`);
  chmodSync(directory, 0o755); // mkdtemp says 0700, and mail servers run as several users
  made.add(directory);
  return directory;
}

/** Kills what still runs in the directory and removes it. */
export function removeScratch(directory: string): void {
  for (const { pid } of processesIn(directory)) kill(pid);
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  made.delete(directory);
}

/** What a run has left behind, in words; empty when it cleaned up. By default: this process's own run. */
export function leftovers(owner: number = process.pid): string[] {
  const ours = `${root}/${prefix}${owner}-`;
  const directories = readdirSync(root).filter((name) => `${root}/${name}`.startsWith(ours));
  return [
    ...directories.map((name) => `directory ${root}/${name}`),
    ...processesIn(ours).map(({ pid, command }) => `process ${pid} ${command}`),
  ];
}

interface Process {
  pid: number;
  group: number;
  command: string;
}

/**
 * The living processes whose scratch directory's path begins so, and the rest of their process groups: a server that
 * serves a user works elsewhere, and one that is just ending works nowhere but still has its sockets. A group known
 * beforehand is included in any case. Zombies are not living.
 */
export function processesIn(path: string, group?: number): Process[] {
  const living = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap(livingProcess);
  const groups = new Set([group, ...living.filter(({ pid }) => belongsTo(path, pid)).map((process) => process.group)]);
  return living.filter((process) => groups.has(process.group));
}

function livingProcess(pid: string): Process[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    const [state, , group] = stat.slice(end + 2).split(" ");
    if (state === "Z") return [];
    return [{ pid: Number(pid), group: Number(group), command: stat.slice(stat.indexOf("(") + 1, end) }];
  } catch {
    return []; // it ended while we looked
  }
}

function belongsTo(path: string, pid: number): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
    if (environment.includes("=")) return environment.split("\0").some((entry) => entry.startsWith(`${mark}=${path}`));
    // Dovecot and Postgres overwrite theirs with a title; a shell that somebody opened there does not.
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(path);
  } catch {
    return false; // it ended while we looked, or is another user's
  }
}

/** Kills a process that may have ended already. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it was faster
  }
}

/** A run that was itself killed outright could not clean up: the next one does it. */
function sweepAbandoned(): void {
  for (const name of readdirSync(root)) {
    const owner = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (!owner || existsSync(`/proc/${owner}`)) continue;
    try {
      removeScratch(`${root}/${name}`);
    } catch {
      // it is another user's
    }
  }
}

function cleanUpOnExit(): void {
  process.on("exit", () => {
    for (const directory of made) removeScratch(directory);
  });
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.on(signal, () => {
      const decidedElsewhere = process.listenerCount(signal) > 1;
      if (!decidedElsewhere) process.exit(128 + number);
    });
  }
}
