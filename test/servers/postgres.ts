import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { Client } from "pg";

import { startDaemon } from "./daemon.ts";
import { freePort, loopback } from "./ports.ts";
import { run } from "./run.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

const versions = "/usr/lib/postgresql";

export interface PostgresOptions {
  maxConnections?: number;
}

export interface Postgres {
  host: string;
  port: number;
  /** Creates a fresh database and returns its URL. */
  database(): Promise<string>;
  pid(): number;
  stop(): Promise<void>;
  /** Stops and starts it on the same port with the same data; after `kill9` it recovers first. */
  restart(): Promise<void>;
  /** Kills all of its processes at once; the data stays as it was on disk. */
  kill9(): Promise<void>;
}

/** Starts a real Postgres cluster of its own on a free loopback port, with its default durability. */
export async function startPostgres({ maxConnections = 200 }: PostgresOptions = {}): Promise<Postgres> {
  const binaries = newestBinaries();
  const directory = makeScratch();
  const data = `${directory}/data`;
  const owner = process.getuid?.() === 0 ? await postgresAccount() : {}; // Postgres refuses to run as root
  mkdirSync(data, { mode: 0o700 });
  if ("uid" in owner) await run("/usr/bin/chown", ["postgres:postgres", data]);
  // An unfinished initdb is of no use to anybody: only the server itself has to sync.
  const layout = [
    "-D",
    data,
    "-U",
    "postgres",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--no-locale",
    "--no-sync",
    "--no-instructions",
  ];
  await run(`${binaries}/initdb`, layout, { ...owner, cwd: data });

  const port = await freePort();
  const settings = {
    listen_addresses: loopback,
    port,
    unix_socket_directories: "",
    max_connections: maxConnections,
    dynamic_shared_memory_type: "mmap", // in the data directory: what is in /dev/shm would outlive a kill
  };
  const args = ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const start = async () => {
    // SIGINT is its fast shutdown: SIGTERM would wait for the clients to leave.
    const started = await startDaemon({
      command: `${binaries}/postgres`,
      args,
      directory,
      cwd: data,
      ports: [port],
      stopSignal: "SIGINT",
      ...owner,
    });
    await untilReady(url("postgres"));
    return started;
  };
  const url = (name: string): string => `postgres://postgres@${loopback}:${port}/${name}`;
  let daemon = await start();

  return {
    host: loopback,
    port,
    async database() {
      const name = `t_${randomBytes(6).toString("hex")}`;
      await query(url("postgres"), `create database ${name}`);
      return url(name);
    },
    pid: () => daemon.pid,
    async stop() {
      await daemon.stop();
      removeScratch(directory);
    },
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
    kill9: () => daemon.killAll(),
  };
}

function newestBinaries(): string {
  const installed = existsSync(versions) ? readdirSync(versions).map(Number).filter(Boolean) : [];
  if (installed.length === 0) throw new Error(`no Postgres below ${versions}: run provision(["postgres"]) first`);
  return `${versions}/${Math.max(...installed)}/bin`;
}

async function postgresAccount(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(["-u", "-g"].map((what) => run("/usr/bin/id", [what, "postgres"])));
  return { uid: Number(uid), gid: Number(gid) };
}

/** It listens before it lets anybody in, for as long as it recovers. */
async function untilReady(url: string): Promise<void> {
  const cannotConnectNow = "57P03";
  for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
    try {
      return await query(url, "select 1");
    } catch (error) {
      const recovering = (error as { code?: string }).code === cannotConnectNow;
      if (!recovering || Date.now() > deadline) throw error;
    }
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
