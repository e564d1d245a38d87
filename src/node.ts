import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { compose } from "./compose.ts";
import { ConfigError, helpText, readConfig, type Config } from "./config.ts";
import { Failure } from "./errors.ts";
import { gatherLines } from "./http/gather-lines.ts";
import { createLog, describeError } from "./http/log.ts";
import { createMetrics } from "./http/metrics.ts";
import { serveNode } from "./http/serve-node.ts";
import { createGuard } from "./net/guard.ts";
import { resolveNode } from "./net/resolve-node.ts";
import { type Log, systemClock as clock } from "./observe.ts";
import { bootstrapKeys, type FirstKeys } from "./operations/bootstrap-keys.ts";
import { isSealed, settleSecrets } from "./operations/settle-secrets.ts";
import { dialNode } from "./protocols/pop3/dial-node.ts";
import { openSubmitter } from "./protocols/smtp/open-submitter.ts";
import { createStore } from "./store/create-store.ts";
import { openSqlite } from "./store/open-sqlite.ts";
import type { Store } from "./store/store.ts";
import { loadSecret } from "./vault/secret-file.ts";
import { createVault, type Vault } from "./vault/vault.ts";
import { createUndiciPoster } from "./webhooks/post-undici.ts";
import type { Postern } from "./world.ts";

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
  const log = createLog({ level: config.log.level, write: lines.write, clock, pretty });
  const database = databaseOf(config);
  const store = await openStore(database);
  const vault = await openVault(config, store);
  const { cursorKey } = await settleSecrets({ ...store, vault });
  const postern = compose({
    config: config.http,
    adminKey: config.keys.adminKey,
    maxMessage: config.messages.maxMessage,
    leaseMs: config.leases.seconds * 1000,
    eventDays: config.events.days,
    watchWindow: config.watch.window,
    maxStreamMs: null,
    // One process has the file: what an earlier one had claimed is this one's at once.
    owner: database.kind === "sqlite" ? "sqlite" : randomUUID(),
    cursorKey,
    watchEvery,
    store,
    vault,
    guard: createGuard({ ...config.network, resolve: resolveNode, pin: true, timeoutMs: 10_000 }),
    dialPop3: dialNode,
    openSubmitter,
    webhookPoster: createUndiciPoster(),
    webhookTimeoutMs,
    log,
    metrics: createMetrics(),
    clock,
    docsScript: () => readFile(docsScript),
  });
  const served = await serveNode({ ...config.http, fetch: (request) => postern.app.fetch(request), log });
  // Only who listens makes keys to be shown, and claims work.
  const firstKeys = await bootstrapKeys({ ...store, clock })();
  const loops = [runOutbox, runFollowUps, runWatchers, runWebhooks, runSweep].map((run) =>
    run(postern, log, stopping.signal),
  );
  greet(config, database, served.port, firstKeys);

  await aborted(stopping.signal);
  log.write("info", "server.stopping", { signal: String(stopping.signal.reason) });
  postern.endStreams();
  await Promise.race([Promise.all([served.close(drainMs), ...loops]), clock.sleep(drainMs)]);
  postern.close();
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
      if (stopping.signal.aborted && clock.now() - first > 500) process.exit(1);
      first ||= clock.now();
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

/** How long the loops wait at most when nothing tells them of work, milliseconds. */
const slowPollMs = 5_000;
/** How long a loop rests after a step that failed, milliseconds. */
const failedStepMs = 1_000;
const sweepMs = 60_000;

/** Sends the outbox whenever something was accepted, a server has answered or something is due. */
async function runOutbox({ dispatcher, wake }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  if (dispatcher === null) return;
  while (!signal.aborted) {
    let [wait, restUntil] = [slowPollMs, clock.now() + failedStepMs];
    try {
      const { nextAt, notBefore } = await dispatcher.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 0), slowPollMs);
      restUntil = notBefore;
    } catch (error) {
      log.write("error", "outbox.failed", { error: describeError(error) });
    }
    await wake.wait("submissions", null, wait, signal);
    const rest = restUntil - clock.now();
    if (rest > 0) await clock.sleep(rest, signal);
  }
  await dispatcher.stop();
}

/** Does what is left to be done after messages were sent, whenever there is something, or something is due. */
async function runFollowUps({ follower, wake }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let wait = slowPollMs;
    try {
      const { nextAt } = await follower.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 0), slowPollMs);
    } catch (error) {
      log.write("error", "follow_ups.failed", { error: describeError(error) });
    }
    await wake.wait("follow-ups", null, wait, signal);
  }
  await follower.stop();
}

/** Sees to the watchers whenever an account has changed or is due, and in time to keep their claims. */
async function runWatchers({ watchers, wake }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let wait = slowPollMs;
    try {
      const { nextAt } = await watchers.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 250), slowPollMs);
    } catch (error) {
      log.write("error", "watchers.failed", { error: describeError(error) });
    }
    await wake.wait("watch", null, wait, signal);
  }
  await watchers.stop();
}

/** Delivers to webhooks whenever events have come, a receiver has answered or something is due. */
async function runWebhooks({ deliverer, wake }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  if (deliverer === null) return;
  while (!signal.aborted) {
    let [wait, restUntil] = [slowPollMs, clock.now() + failedStepMs];
    try {
      const { nextAt, notBefore } = await deliverer.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 0), slowPollMs);
      restUntil = notBefore;
    } catch (error) {
      log.write("error", "webhooks.failed", { error: describeError(error) });
    }
    await wake.wait(["deliveries", "events"], null, wait, signal);
    const rest = restUntil - clock.now();
    if (rest > 0) await clock.sleep(rest, signal);
  }
  await deliverer.stop();
}

async function runSweep(postern: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await postern
      .sweep()
      .catch((error: unknown) => log.write("error", "sweep.failed", { error: describeError(error) }));
    await clock.sleep(sweepMs, signal);
  }
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

async function openStore(database: Database): Promise<Store> {
  if (database.kind === "sqlite") return createStore(openSqlite(database.path));
  // Loaded only where it is used: it is a fifth of the start.
  const { openPostgres } = await import("./store/open-postgres.ts");
  return createStore(await openPostgres(database.url));
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
