import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { run } from "./run.ts";

export type Server = "dovecot" | "imap4d" | "pop3d" | "postfix" | "postgres" | "chromium" | "curl";

const packagesOf: Record<Server, string[]> = {
  dovecot: ["dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"],
  imap4d: ["mailutils-imap4d"],
  pop3d: ["mailutils-pop3d"],
  postfix: ["postfix"],
  postgres: ["postgresql"],
  chromium: ["chromium"],
  curl: ["curl"],
};

const aptGet = "/usr/bin/apt-get";
const lock = "/tmp/postern-provision.lock";
const policyFile = "/usr/sbin/policy-rc.d";
const policy =
  "#!/bin/sh\n# Postern's test/servers/provision.ts: start nothing while packages are installed\nexit 101\n";

/** Installs the Debian packages that the named servers come from, unless they are there already; starts none of them. */
export async function provision(what: Server[]): Promise<void> {
  const wanted = what.flatMap((server) => packagesOf[server]);
  const absent = await missing(wanted);
  if (absent.length === 0) return;
  assertCanInstall(absent);
  await locked(async () => {
    const packages = await missing(wanted); // another process may have installed them while we waited
    if (packages.length > 0) await install(packages);
  });
}

const unpackedPackages = fileURLToPath(new URL("../../node_modules/.cache/postern-servers", import.meta.url));

/**
 * Fetches a Debian package that can't be installed beside another one, and unpacks it without installing it; tells the
 * directory. It is fetched once: until node_modules goes, it stays.
 */
export async function unpack(name: string): Promise<string> {
  const directory = `${unpackedPackages}/${name}`;
  await locked(async () => {
    if (existsSync(directory)) return;
    if (!existsSync(aptGet)) throw new Error(`The Debian package ${name} is missing and there is no apt-get here.`);
    await mkdir(unpackedPackages, { recursive: true });
    const work = await mkdtemp(`${unpackedPackages}/${name}-`);
    try {
      await download(name, work);
      const [file] = await readdir(work);
      await run("/usr/bin/dpkg-deb", ["-x", `${work}/${file}`, `${work}/files`]);
      await rename(`${work}/files`, directory);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return directory;
}

async function download(name: string, cwd: string): Promise<void> {
  const fetch = (): Promise<string> => run(aptGet, ["-o", "APT::Sandbox::User=root", "download", name], { cwd });
  await fetch().catch(async () => {
    await run(aptGet, ["update"]); // its lists are too old, or none have been fetched yet
    await fetch();
  });
}

async function missing(packages: string[]): Promise<string[]> {
  const installed = await Promise.all(packages.map(isInstalled));
  return packages.filter((_, index) => !installed[index]);
}

async function isInstalled(name: string): Promise<boolean> {
  try {
    return (await run("/usr/bin/dpkg-query", ["-W", "-f=${db:Status-Status}", name])) === "installed";
  } catch {
    return false;
  }
}

function assertCanInstall(packages: string[]): void {
  const isRoot = process.getuid?.() === 0;
  if (isRoot && existsSync(aptGet)) return;
  const why = isRoot ? "there is no apt-get on this machine" : "this process is not root";
  throw new Error(
    `These Debian packages are missing and ${why}: ${packages.join(" ")}.\n` +
      `Install them with: sudo apt-get update && sudo apt-get install --no-install-recommends ${packages.join(" ")}`,
  );
}

async function install(packages: string[]): Promise<void> {
  process.stderr.write(`provision: installing ${packages.join(" ")}\n`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  // Stale lists often still do: a failing update counts only if the install fails as well.
  const updated = await run(aptGet, [...wait, "update"], { env }).catch((error: Error) => error);
  await withNothingStarted(async () => {
    if (packages.includes("postfix")) {
      await run("/usr/bin/debconf-set-selections", [], {
        input: "postfix postfix/main_mailer_type select No configuration\n",
      });
    }
    try {
      await run(aptGet, [...wait, "install", "-y", "--no-install-recommends", ...packages], { env });
    } catch (error) {
      throw updated instanceof Error
        ? new AggregateError([updated, error], `${updated.message}\n${String(error)}`)
        : error;
    }
  });
}

/** Debian starts a server as soon as it is installed, on its standard ports, unless policy-rc.d says no. */
async function withNothingStarted(work: () => Promise<void>): Promise<void> {
  const present = await readFile(policyFile, "utf8").catch(() => undefined);
  const isOurs = present === undefined || present === policy; // ours: left by a run that was killed
  if (isOurs) await writeFile(policyFile, policy, { mode: 0o755 });
  try {
    await work();
  } finally {
    if (isOurs) await rm(policyFile, { force: true });
  }
}

/** The lock is a symbolic link to its owner's pid: made and named in one step, so a killed owner is always known. */
async function locked(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await symlink(String(process.pid), lock);
      break;
    } catch {
      const owner = await readlink(lock).catch(() => undefined);
      if (owner && !existsSync(`/proc/${owner}`)) await rm(lock, { force: true });
      else await sleep(200);
    }
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
  }
}
