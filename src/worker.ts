import { DurableObject, waitUntil } from "cloudflare:workers";
import { ConfigError } from "./config.ts";
import { Failure } from "./errors.ts";
import { describeError } from "./http/log.ts";
import { problem } from "./http/problem.ts";
import { randomId } from "./mail/id.ts";
import { systemClock as clock } from "./observe.ts";
import { isWellFormedKey } from "./operations/api-key.ts";
import { overdueAccounts } from "./store/overdue-accounts.ts";
import type { Looked, LookMemory } from "./watching/look-once.ts";
import { type Alarm, createAlarm, type Work } from "./worker/alarm.ts";
import {
  accountObject,
  type Bindings,
  deliveriesObject,
  type ObjectState,
  type ObjectStorage,
} from "./worker/bindings.ts";
import { logAt, type Opened, opener } from "./worker/open.ts";
import { createFrontWake, createObjectWake, isAccountWork } from "./worker/wake.ts";

/** How long something is due before it is taken to be forgotten, milliseconds, and of how many accounts that is put right at once. */
const overdueMs = 10_000;
const calledAtOnce = 200;

/** Of who watches nothing. */
const noMemory: LookMemory = { read: () => Promise.resolve(null), write: () => Promise.resolve() };

let openFront: (() => Promise<Opened>) | undefined;

/** What is in front of the objects: it claims nothing, and watches nothing. */
function front(bindings: Bindings): Promise<Opened> {
  openFront ??= opener(bindings, () => ({
    wake: createFrontWake(bindings, clock, waitUntil),
    owner: randomId("req"),
    accountId: null,
    lookMemory: noMemory,
  }));
  return openFront();
}

export default {
  /** The cut (DESIGN §3): what is an account's own goes whole to that account's object, everything else is answered here. */
  fetch(request: Request, bindings: Bindings): Promise<Response> {
    const accountId = accountIn(request);
    // Whom the application refuses anyway makes no object.
    if (accountId === null || !hasKey(request)) return serve(request, () => front(bindings));
    return accountObject(bindings, accountId).fetch(request).catch(failed);
  },

  /** The net under all calls, each minute: calls the objects whose work is overdue, and sweeps. */
  async scheduled(_event: unknown, bindings: Bindings): Promise<void> {
    const { handle, store, sweep, log } = await front(bindings);
    const asked = { by: clock.now() - overdueMs, limit: calledAtOnce, random: Math.random };
    const accounts = await overdueAccounts(handle, store, asked);
    const calls = accounts.map((accountId) => accountObject(bindings, accountId).call(accountId));
    for (const done of await Promise.allSettled([...calls, deliveriesObject(bindings).call(), sweep()]))
      if (done.status === "rejected") log.write("error", "cron.failed", { error: describeError(done.reason) });
  },
};

/**
 * An account's object: the same application, the place where the account's sessions outlive a request, and by its alarm who watches
 * the account and sends its mail. Rows are claimed as everywhere: the object is an optimisation, not the lock.
 */
export class AccountObject extends DurableObject {
  readonly #storage: ObjectStorage;
  readonly #open: () => Promise<Opened>;
  readonly #alarm: Alarm;
  /** The account's id; null before the first request or call. */
  #accountId: string | null = null;

  constructor(state: ObjectState, bindings: Bindings) {
    super(state, bindings);
    const { storage } = state;
    this.#storage = storage;
    const wake = createObjectWake(bindings, clock, (topic, key) => {
      const isMine = key === this.#accountId && isAccountWork(topic);
      if (isMine) this.call(key).catch(() => {});
      return isMine;
    });
    const lookMemory: LookMemory = {
      read: async () => (await storage.get<Looked>("looked")) ?? null,
      write: (_accountId, looked) => storage.put("looked", looked),
    };
    const owner = state.id.toString();
    this.#open = opener(bindings, () => ({ wake, owner, accountId: this.#accountId, lookMemory }));
    this.#alarm = createAlarm({ storage, clock, log: logAt("info") }, async () => {
      this.#accountId ??= (await storage.get<string>("accountId")) ?? null;
      // An object that nobody has called has no work.
      return this.#accountId === null ? { steps: [], lingerMs: 0 } : accountWork(await this.#open());
    });
  }

  override fetch(request: Request): Promise<Response> {
    this.#accountId ??= accountIn(request);
    return serve(request, this.#open);
  }

  /** There is something to do for the account. */
  async call(accountId: string): Promise<void> {
    this.#accountId = accountId;
    await Promise.all([this.#storage.put("accountId", accountId), this.#alarm.call()]);
  }

  override alarm(): Promise<void> {
    return this.#alarm.ring();
  }
}

/** The one object that delivers to webhooks. */
export class DeliveriesObject extends DurableObject {
  readonly #alarm: Alarm;

  constructor(state: ObjectState, bindings: Bindings) {
    super(state, bindings);
    const wake = createObjectWake(bindings, clock, (topic) => {
      const isMine = topic === "deliveries" || topic === "events";
      if (isMine) this.call().catch(() => {});
      return isMine;
    });
    const owner = state.id.toString();
    const open = opener(bindings, () => ({ wake, owner, accountId: null, lookMemory: noMemory }));
    this.#alarm = createAlarm({ storage: state.storage, clock, log: logAt("info") }, async () => {
      const { deliverer, leaseMs } = await open();
      return { steps: [() => deliverer.step()], lingerMs: leaseMs / 2 };
    });
  }

  call(): Promise<void> {
    return this.#alarm.call();
  }

  override alarm(): Promise<void> {
    return this.#alarm.ring();
  }
}

function accountWork({ watchers, dispatcher, follower, leaseMs }: Opened): Work {
  const lingerMs = leaseMs / 2;
  async function followUp(): Promise<{ nextAt: number | null }> {
    const { nextAt } = await follower.step();
    // Its end calls for the next step.
    return { nextAt: follower.isBusy() ? clock.now() + lingerMs : nextAt };
  }
  return { steps: [() => watchers.step(), () => dispatcher.step(), followUp], lingerMs };
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

/** Whether the request carries what can be a key of an app at all. */
function hasKey({ headers }: Request): boolean {
  const token = /^bearer +([\x21-\x7e]+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return token !== undefined && isWellFormedKey(token);
}

async function serve(request: Request, open: () => Promise<Opened>): Promise<Response> {
  let postern: Opened;
  try {
    postern = await open();
  } catch (error) {
    return failed(error);
  }
  return postern.app.fetch(request);
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
