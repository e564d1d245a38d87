import { connect } from "cloudflare:sockets";
import { compose } from "../compose.ts";
import { ConfigError, type Environment, readConfig } from "../config.ts";
import { createLog } from "../http/log.ts";
import { createMetrics } from "../http/metrics.ts";
import type { Wake } from "../mail/wake.ts";
import { dialSockets } from "../net/dial-sockets.ts";
import { createGuard } from "../net/guard.ts";
import { createDohResolver } from "../net/resolve-doh.ts";
import { type Log, type LogLevel, systemClock as clock } from "../observe.ts";
import { settleSecrets } from "../operations/settle-secrets.ts";
import { socketsTransport } from "../protocols/imap/sockets-transport.ts";
import { openSubmitterBySockets } from "../protocols/smtp/open-submitter-sockets.ts";
import { createStore } from "../store/create-store.ts";
import type { Handle } from "../store/handle.ts";
import { ofOneAccount } from "../store/of-one-account.ts";
import { openD1 } from "../store/open-d1.ts";
import type { Store } from "../store/store.ts";
import { createVault } from "../vault/vault.ts";
import { createFetchPoster } from "../webhooks/post-fetch.ts";
import type { LookMemory } from "../watching/look-once.ts";
import type { Postern } from "../world.ts";
import type { Bindings } from "./bindings.ts";

/** Where a Postern is opened: in front of all objects, or in one of them. */
export type Place = {
  wake: Wake;
  /** Names it in claims. */
  owner: string;
  /** The account that it works for; null: it works for none. */
  accountId: string | null;
  lookMemory: LookMemory;
};

export type Opened = Postern & { handle: Handle; store: Store; log: Log; leaseMs: number };

/** A stream of events is resumed by its reader; this long it holds a Worker at most. */
const maxStreamMs = 10 * 60_000;

/** How often an account is looked at, milliseconds (DESIGN §3). */
const watchEvery = { folders: 60_000, maildrop: 300_000 };

const webhookTimeoutMs = 15_000;

/** An object stays awake for what is due within half a lease: with a longer one it would for its next look, all day. */
const longestLeaseMs = 20_000;

/** What a message or an upload may have at most, octets: an isolate has 128 MiB of memory, a D1 database 10 GB (DESIGN §3). */
const maxMessage = 25 * 1024 * 1024;
/** As JSON it takes six times its length for a moment: what is larger is uploaded before. */
const maxJson = 12 * 1024 * 1024;
/** Half of it is one app's, and an account's object serves one app: of large messages it holds one at a time. */
const heldAtOnce = maxMessage;
/** A Worker may wait for six answers at once, and lets a seventh request wait while its time passes; two are for looking names up. */
const webhookHands = 4;

/**
 * Opens everything, when there is the first thing to do: a Worker may neither wait nor draw random numbers before. What is asked for while it
 * opens opens its own, since no request may wait for another's promise; one is kept.
 */
export function opener(bindings: Bindings, place: () => Place): () => Promise<Opened> {
  let kept: Opened | undefined;
  return async () => {
    if (kept !== undefined) return kept;
    const opened = await open(bindings, place());
    return (kept ??= opened);
  };
}

async function open(bindings: Bindings, { wake, owner, accountId, lookMemory }: Place): Promise<Opened> {
  const config = readConfig(variablesOf(bindings));
  const { secret, previousSecret } = config.vault;
  if (secret === null) throw new ConfigError("POSTERN_SECRET is not set; use `wrangler secret put POSTERN_SECRET`.");
  const handle = openD1(bindings.DB);
  const whole = createStore(handle);
  const store = accountId === null ? whole : ofOneAccount(handle, whole, accountId);
  const vault = createVault({ secret, previous: previousSecret ?? undefined });
  const { cursorKey } = await settleSecrets({ ...store, vault });
  const log = logAt(config.log.level);
  const leaseMs = Math.min(config.leases.seconds * 1000, longestLeaseMs);
  const postern = compose({
    config: config.http,
    adminKey: config.keys.adminKey,
    maxMessage: Math.min(config.messages.maxMessage, maxMessage),
    maxJson,
    heldAtOnce,
    leaseMs,
    eventDays: config.events.days,
    watchWindow: config.watch.window,
    watchEvery,
    lookMemory,
    maxStreamMs,
    owner,
    cursorKey,
    store,
    vault,
    wake,
    // A name is resolved once more by the runtime when it connects, maybe to another address than the one that was checked.
    guard: createGuard({
      ...config.network,
      resolve: createDohResolver((url, init) => fetch(url, init)),
      pin: false,
      timeoutMs: 10_000,
    }),
    log,
    metrics: createMetrics(),
    clock,
    docsScript: null,
    imapTransport: socketsTransport(connect),
    dialPop3: dialSockets(connect),
    openSubmitter: openSubmitterBySockets(connect),
    webhookPoster: createFetchPoster((request) => fetch(request)),
    webhookTimeoutMs,
    webhookHands,
  });
  return { ...postern, handle, store, log, leaseMs };
}

function variablesOf(bindings: object): Environment {
  const texts = Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts);
}

export function logAt(level: LogLevel): Log {
  // oxlint-disable-next-line no-console -- a Worker's log
  return createLog({ level, write: (line) => console.log(line.trimEnd()), clock, pretty: false });
}
