import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { keepPresence } from "./background/beat.ts";
import { createInProcessWake } from "./background/in-process-wake.ts";
import { createSharedWake, type SharedWake } from "./background/shared-wake.ts";
import { compose } from "./compose.ts";
import { ConfigError, helpText, readConfig, type Config } from "./config.ts";
import { Failure } from "./errors.ts";
import { gatherLines } from "./http/gather-lines.ts";
import { createLog } from "./http/log.ts";
import { createMetrics } from "./http/metrics.ts";
import { serveNode } from "./http/serve-node.ts";
import { createGuard } from "./net/guard.ts";
import { resolveNode } from "./net/resolve-node.ts";
import { type Log, systemClock } from "./observe.ts";
import { bootstrapKeys, type FirstKeys } from "./operations/bootstrap-keys.ts";
import { isSealed, settleSecrets } from "./operations/settle-secrets.ts";
import { runLoops } from "./node/loops.ts";
import { dialNode } from "./protocols/pop3/dial-node.ts";
import { openSubmitter } from "./protocols/smtp/open-submitter.ts";
import { createStore } from "./store/create-store.ts";
import { type DatabaseClock, databaseClock } from "./store/database-clock.ts";
import { openSqlite } from "./store/open-sqlite.ts";
import type { Store } from "./store/store.ts";
import { loadSecret } from "./vault/secret-file.ts";
import { createVault, type Vault } from "./vault/vault.ts";
import { createUndiciPoster } from "./webhooks/post-undici.ts";

/** How often watchers look at all folders, and at a maildrop, milliseconds (DESIGN §6). */
const watchEvery = { folders: 60_000, maildrop: 300_000 };

/** How long a receiver of webhooks may take, milliseconds (DESIGN §8). */
const webhookTimeoutMs = 15_000;

/** How long running answers and deliveries may take to end after SIGTERM, milliseconds. */
const drainMs = 25_000;

/** The package exports only its modules, so its script is found by its path. */
const docsScript = new URL("../node_modules/@scalar/api-reference/dist/browser/standalone.js", import.meta.url);

const version: string = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")).version;

async function main(args: string[]): Promise<void> {
  if (args.includes("--help") || args.includes("-h"))
    return void process.stdout.write(helpText(process.stdout.columns));
  if (args.includes("--version")) return void process.stdout.write(`postern ${version}\n`);
  if (args.length > 0) throw new ConfigError(`Postern takes no argument ${args[0]}; see --help.`);
  await start(readConfig(process.env));
}

async function start(config: Config): Promise<void> {
  const stopping = untilSignal();
  const pretty = process.stdout.isTTY;
  const lines = gatherLines((text) => process.stdout.write(text));
  process.on("exit", lines.flush);
  const log = createLog({ level: config.log.level, write: lines.write, clock: systemClock, pretty });
  const database = databaseOf(config);
  const store = await openStore(database);
  const vault = await openVault(config, store);
  const { cursorKey } = await settleSecrets({ ...store, vault });
  const sharedWake = await openSharedWake(database, log);
  const sharedClock = await openClock(store);
  const clock = sharedClock ?? systemClock;
  const wake = sharedWake ?? createInProcessWake(clock);
  const metrics = createMetrics();
  const leaseMs = config.leases.seconds * 1000;
  // One process has the file: what an earlier one had claimed is this one's at once.
  const owner = database.kind === "sqlite" ? "sqlite" : randomUUID();
  const presence =
    sharedClock && keepPresence({ nodes: store.nodes, clock: sharedClock, wake, metrics, owner, leaseMs });
  const postern = compose({
    config: config.http,
    adminKey: config.keys.adminKey,
    maxMessage: config.messages.maxMessage,
    leaseMs,
    eventDays: config.events.days,
    watchWindow: config.watch.window,
    maxStreamMs: null,
    owner,
    ...(presence && { fleet: presence }),
    cursorKey,
    wake,
    watchEvery,
    store,
    vault,
    guard: createGuard({ ...config.network, resolve: resolveNode, pin: true, timeoutMs: 10_000 }),
    dialPop3: dialNode,
    openSubmitter,
    webhookPoster: createUndiciPoster(),
    webhookTimeoutMs,
    log,
    metrics,
    clock,
    docsScript: () => readFile(docsScript),
  });
  const served = await serveNode({ ...config.http, fetch: (request) => postern.app.fetch(request), log });
  // Only who listens makes keys to be shown, and claims work. Who brought a key needs none in his log.
  await presence?.step();
  // Last: what fails after it would end the process before anybody has seen the keys.
  const firstKeys = config.keys.adminKey === null ? await bootstrapKeys({ ...store, clock })() : null;
  const loops = runLoops(postern, presence, log, stopping.signal);
  greet(config, database, served.port, firstKeys);

  await aborted(stopping.signal);
  log.write("info", "server.stopping", { signal: String(stopping.signal.reason) });
  postern.endStreams();
  await Promise.race([Promise.all([served.close(drainMs), loops]), clock.sleep(drainMs)]);
  postern.close();
  await sharedWake?.close();
  await store.close();
  log.write("info", "server.stopped");
}

/** Aborts on the first signal to end, whenever it comes; a second one ends the process at once. */
function untilSignal(): AbortController {
  const stopping = new AbortController();
  let first = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      // npm passes on a Ctrl-C that the terminal has sent already.
      if (stopping.signal.aborted && systemClock.now() - first > 500) process.exit(1);
      first ||= systemClock.now();
      stopping.abort(signal);
    });
  return stopping;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

type Database = { kind: "sqlite"; path: string } | { kind: "postgres"; url: string };

function databaseOf({ store }: Config): Database {
  if (store.databaseUrl === null) return { kind: "sqlite", path: resolve(store.directory, "postern.db") };
  if (!store.databaseUrl.startsWith("file:")) return { kind: "postgres", url: store.databaseUrl };
  return { kind: "sqlite", path: resolve(store.databaseUrl.replace(/^file:(?:\/\/)?/, "")) };
}

async function openVault({ vault }: Config, store: Store): Promise<Vault> {
  const path = vault.secretFile ?? join(vault.directory, "secret");
  if (vault.secret === null && vault.secretFile === null) mkdirSync(vault.directory, { recursive: true, mode: 0o700 });
  const secret = vault.secret ?? (await loadSecret(path, await isSealed(store)));
  return createVault({ secret, previous: vault.previousSecret ?? undefined });
}

/** The time that all processes on a Postgres go by; null on a file, which only one has. */
async function openClock({ now }: Store): Promise<DatabaseClock | null> {
  if (now === null) return null;
  const clock = databaseClock(now);
  // The first answer may have waited for a connection; the best one counts.
  for (let asked = 0; asked < 3; asked += 1) await clock.measure();
  return clock;
}

async function openStore(database: Database): Promise<Store> {
  if (database.kind === "sqlite") return createStore(openSqlite(database.path));
  // Loaded only where it is used: it is a fifth of the start.
  const { openPostgres } = await import("./store/open-postgres.ts");
  return createStore(await openPostgres(database.url));
}

/** Tells the other processes on a Postgres of work, and hears from them; null on a file, which only one has. */
async function openSharedWake(database: Database, log: Log): Promise<SharedWake | null> {
  if (database.kind === "sqlite") return null;
  const { openHints } = await import("./store/open-hints.ts");
  const { url } = database;
  return createSharedWake(systemClock, ({ heard, connected }) => {
    const lost = (code: string): void => log.write("warn", "hints.lost", { code });
    return openHints(url, { heard, connected, lost }, systemClock);
  });
}

/** The start-up lines go to stderr, so that stdout holds nothing but log lines. */
function greet(config: Config, database: Database, port: number, keys: FirstKeys | null): void {
  const host = config.http.host.includes(":") ? `[${config.http.host}]` : config.http.host;
  const url = config.http.publicUrl ?? `http://${host}:${port}`;
  const where = database.kind === "sqlite" ? database.path : "Postgres";
  const lines = [`Postern ${version} listens on ${url}`, `  API reference  ${url}/docs`, `  Database       ${where}`];
  if (keys !== null)
    lines.push(
      "",
      "First start: these keys are shown this once. Keep them.",
      `  Operator key   ${keys.operatorKey}`,
      `  App key        ${keys.appKey}`,
      `                 of app ${keys.appId}, with every scope`,
      "",
      `  curl ${url}/v1/me \\`,
      `    -H "Authorization: Bearer ${keys.appKey}"`,
    );
  process.stderr.write(`${lines.join("\n")}\n\n`);
}

function fail(error: unknown): void {
  const isTold = error instanceof Failure || error instanceof ConfigError;
  const words = isTold ? error.message : (notListening(error) ?? (error as Error).stack);
  const because = error instanceof Failure ? causeOf(error) : "";
  const fix = error instanceof Failure && error.details.fix !== undefined ? `\n${error.details.fix}` : "";
  process.stderr.write(`${words}${because}${fix}\n`);
  process.exit(1);
}

/** The database's or the system's own code, such as ECONNREFUSED or SQLITE_NOTADB: at a start nobody has a log to look into. */
function causeOf({ code, details: { cause } }: Failure): string {
  if (code !== "storage-unavailable" || !(cause instanceof Error)) return "";
  const told = "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  return `\nIt says: ${told}`;
}

const notListeningBecause: Record<string, string> = {
  EADDRINUSE: "something else listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such address",
  EACCES: "it may not",
};

/** What kept the server from listening, as a sentence; null for other errors. */
function notListening(error: unknown): string | null {
  if (!(error instanceof Error) || !("syscall" in error)) return null;
  if (error.syscall !== "listen" && error.syscall !== "getaddrinfo") return null;
  const where =
    "address" in error && "port" in error ? `${String(error.address)} port ${String(error.port)}` : "POSTERN_HOST";
  const code = "code" in error ? String(error.code) : "";
  const why = notListeningBecause[code] ?? code;
  return `Postern can't listen on ${where}: ${why}.\nSet POSTERN_HOST and POSTERN_PORT to another place. Nothing was changed.`;
}

await main(process.argv.slice(2)).then(() => process.exit(0), fail);
