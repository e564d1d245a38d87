import { connect } from "cloudflare:sockets";
import { compose } from "./compose.ts";
import { ConfigError, type Environment, readConfig } from "./config.ts";
import { Failure } from "./errors.ts";
import { createLog, describeError } from "./http/log.ts";
import { createMetrics } from "./http/metrics.ts";
import { problem } from "./http/problem.ts";
import { randomId } from "./mail/id.ts";
import { createGuard } from "./net/guard.ts";
import { createDohResolver } from "./net/resolve-doh.ts";
import { type LogLevel, systemClock as clock } from "./observe.ts";
import { settleSecrets } from "./operations/settle-secrets.ts";
import { dialSockets } from "./protocols/pop3/dial-sockets.ts";
import { socketsTransport } from "./protocols/imap/sockets-transport.ts";
import { createStore } from "./store/create-store.ts";
import { type D1Binding, openD1 } from "./store/open-d1.ts";
import { createVault } from "./vault/vault.ts";
import type { Postern } from "./world.ts";

/** What wrangler.toml binds. The POSTERN_* variables and secrets stand beside it, as strings. */
type Bindings = {
  DB: D1Binding;
  /** One object per account, named by the account's id. */
  ACCOUNTS: { idFromName(name: string): object; get(id: object): { fetch: Serve } };
};

type Serve = (request: Request) => Promise<Response>;

/** A stream of events is resumed by its reader; this long it holds a Worker at most. */
const maxStreamMs = 10 * 60_000;

let serveHere: Serve | undefined;

/** The cut (DESIGN §3): what is an account's own goes whole to that account's object, everything else is answered here. */
export default {
  fetch(request: Request, bindings: Bindings): Promise<Response> {
    const accountId = accountIn(request);
    if (accountId === null) {
      serveHere ??= serveWith(bindings);
      return serveHere(request);
    }
    const account = bindings.ACCOUNTS.get(bindings.ACCOUNTS.idFromName(accountId));
    return account.fetch(request).catch(failed);
  },
};

/** An account's object: the same application, and the place where the account's sessions outlive a request. */
export class AccountObject {
  readonly #serve: Serve;

  constructor(_state: unknown, bindings: Bindings) {
    this.#serve = serveWith(bindings);
  }

  fetch(request: Request): Promise<Response> {
    return this.#serve(request);
  }
}

/** The id of the account that a path lies under. What is no id makes no object: the application refuses it. */
function accountIn(request: Request): string | null {
  try {
    const path = decodeURIComponent(new URL(request.url).pathname);
    return /^\/v1\/accounts\/(acc_[0-9a-v]{26})(?:\/|$)/.exec(path)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Answers requests; opens everything on the first one, because a Worker may neither wait nor draw random numbers before. */
function serveWith(bindings: Bindings): Serve {
  let postern: Postern | undefined;
  return async (request) => {
    try {
      if (postern === undefined) {
        const opened = await open(bindings);
        // Each of several first requests opens its own, since none may wait for another's promise; one is kept.
        postern ??= opened;
      }
    } catch (error) {
      return failed(error);
    }
    return postern.app.fetch(request);
  };
}

/** How often an account is looked at, milliseconds (DESIGN §3). */
const watchEvery = { folders: 60_000, maildrop: 300_000 };

async function open(bindings: Bindings): Promise<Postern> {
  const config = readConfig(variablesOf(bindings));
  const { secret, previousSecret } = config.vault;
  if (secret === null) throw new ConfigError("POSTERN_SECRET is not set; use `wrangler secret put POSTERN_SECRET`.");
  const store = createStore(openD1(bindings.DB));
  const vault = createVault({ secret, previous: previousSecret ?? undefined });
  const { cursorKey } = await settleSecrets({ ...store, vault });
  return compose({
    config: config.http,
    adminKey: config.keys.adminKey,
    maxMessage: config.messages.maxMessage,
    leaseMs: config.leases.seconds * 1000,
    eventDays: config.events.days,
    watchWindow: config.watch.window,
    watchEvery,
    maxStreamMs,
    owner: randomId("req"),
    cursorKey,
    store,
    vault,
    // A name is resolved once more by the runtime when it connects, maybe to another address than the one that was checked.
    guard: createGuard({
      ...config.network,
      resolve: createDohResolver((url, init) => fetch(url, init)),
      pin: false,
      timeoutMs: 10_000,
    }),
    log: logAt(config.log.level),
    metrics: createMetrics(),
    clock,
    docsScript: null,
    imapTransport: socketsTransport(connect),
    dialPop3: dialSockets(connect),
    openSubmitter: null,
    webhookPoster: null,
    webhookTimeoutMs: 15_000,
  });
}

function variablesOf(bindings: object): Environment {
  const texts = Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts);
}

/** What went wrong outside the application: opening it, or reaching an object. */
function failed(error: unknown): Response {
  const requestId = randomId("req");
  const cause = error instanceof ConfigError ? { complaint: error.message } : { error: describeError(error) };
  logAt("info").write("error", "worker.failed", { requestId, ...cause });
  const failure =
    error instanceof Failure
      ? error
      : new Failure("internal", "Postern can't answer here; its log has more under the requestId.");
  return problem(failure, requestId);
}

function logAt(level: LogLevel) {
  // oxlint-disable-next-line no-console -- a Worker's log
  return createLog({ level, write: (line) => console.log(line.trimEnd()), clock, pretty: false });
}
