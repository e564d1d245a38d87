import type { Presence } from "../background/beat.ts";
import { describeError } from "../http/log.ts";
import { pollMs } from "../mail/wake.ts";
import type { Clock, Log } from "../observe.ts";
import type { Postern } from "../world.ts";

/**
 * A process's loops: each does a step whenever there is something to do, or something is due, until the signal aborts; it resolves when all have ended
 * what was under way. `presence` is null where no other process has the database.
 */
export async function runLoops(
  postern: Postern,
  presence: Presence | null,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const loops = [runOutbox, runFollowUps, runWatchers, runWebhooks, runSweep];
  const running = loops.map((run) => run(postern, log, signal));
  await Promise.all([presence && runPresence(presence, postern, log, signal), ...running]);
}

/** How long a loop rests after a step that failed, milliseconds. */
const failedStepMs = 1_000;
const sweepMs = 60_000;

/** Never for longer than a slow poll: the time may have been set back meanwhile, or the process stopped in the step that said how long. */
async function restFor(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (ms > 0) await clock.sleep(Math.min(ms, pollMs), signal);
}

/** Keeps this process among those that share the database: others share out the accounts by it. Who ends says so before anything else. */
async function runPresence(presence: Presence, { wake, clock }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let wait = failedStepMs;
    try {
      const { nextAt } = await presence.step();
      wait = Math.max(nextAt - clock.now(), 0);
    } catch (error) {
      log.write("error", "presence.failed", { error: describeError(error) });
    }
    await wake.wait("nodes", null, wait, signal);
  }
  await presence
    .leave()
    .catch((error: unknown) => log.write("error", "presence.failed", { error: describeError(error) }));
}

/** Sends the outbox whenever something was accepted, a server has answered or something is due. */
async function runOutbox({ dispatcher, wake, clock }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let [wait, restUntil] = [pollMs, clock.now() + failedStepMs];
    try {
      const { nextAt, notBefore } = await dispatcher.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 0), pollMs);
      restUntil = notBefore;
    } catch (error) {
      log.write("error", "outbox.failed", { error: describeError(error) });
    }
    await wake.wait("submissions", null, wait, signal);
    await restFor(restUntil - clock.now(), clock, signal);
  }
  await dispatcher.stop();
}

/** Does what is left to be done after messages were sent, whenever there is something, or something is due. */
async function runFollowUps({ follower, wake, clock }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let wait = pollMs;
    try {
      const { nextAt } = await follower.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 0), pollMs);
    } catch (error) {
      log.write("error", "follow_ups.failed", { error: describeError(error) });
    }
    await wake.wait("follow-ups", null, wait, signal);
  }
  await follower.stop();
}

/** Sees to the watchers whenever an account has changed or is due, and in time to keep their claims. */
async function runWatchers({ watchers, wake, clock }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let wait = pollMs;
    try {
      const { nextAt } = await watchers.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 250), pollMs);
    } catch (error) {
      log.write("error", "watchers.failed", { error: describeError(error) });
    }
    await wake.wait("watch", null, wait, signal);
  }
  await watchers.stop();
}

/** Delivers to webhooks whenever events have come, a receiver has answered or something is due. */
async function runWebhooks({ deliverer, wake, clock }: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let [wait, restUntil] = [pollMs, clock.now() + failedStepMs];
    try {
      const { nextAt, notBefore } = await deliverer.step();
      if (nextAt !== null) wait = Math.min(Math.max(nextAt - clock.now(), 0), pollMs);
      restUntil = notBefore;
    } catch (error) {
      log.write("error", "webhooks.failed", { error: describeError(error) });
    }
    await wake.wait(["deliveries", "events"], null, wait, signal);
    await restFor(restUntil - clock.now(), clock, signal);
  }
  await deliverer.stop();
}

async function runSweep(postern: Postern, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await postern
      .sweep()
      .catch((error: unknown) => log.write("error", "sweep.failed", { error: describeError(error) }));
    await postern.clock.sleep(sweepMs, signal);
  }
}
