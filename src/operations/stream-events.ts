import { Failure } from "../errors.ts";
import type { Event } from "../mail/event.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { type EventFilter, type EventLog, type EventLogNeeds, type EventsRead, openEventLog } from "./event-log.ts";
import { createSharedReads } from "./shared-reads.ts";
import { viewEvent } from "./view-event.ts";

/** Why a stream of events is over: its reader has left, or takes nothing; its key may no longer; the server stops; its time is up; the log can't be read. */
export type EventsEnd = "left" | "stalled" | "revoked" | "stopping" | "over" | "failed";

/** What has happened since the last look. `resume` takes the stream up from here as an event's id does. */
export type EventsNews = { events: Event[]; resume: string };

export type EventStream = {
  /** Where it began. */
  resume: string;
  /** The next events, in order and none left out; none when `ms` have passed without any; null when the stream is over. */
  next(ms: number): Promise<EventsNews | null>;
  /** Aborts when the stream is over, whoever ended it. */
  ended: AbortSignal;
  /** Ends it at once, also a `next` that is waiting, and gives back all that it holds. */
  close(why: EventsEnd): void;
};

export type StreamEventsNeeds = EventLogNeeds & {
  keys: Pick<Store["keys"], "get">;
  wake: Wake;
  clock: Clock;
  metrics: { gauge(name: string, value: number): void; count(name: string, labels: Record<string, string>): void };
  /** Aborts when the server stops taking work: streams end. */
  stopping: AbortSignal;
  /** How long a stream lasts at most, milliseconds; null: as long as its reader stays. */
  maxStreamMs: number | null;
};

/** Of one app, in one process. */
const streamsAtOnce = 100;
/** Read from the database at once, and so all that is held for a reader. */
const batch = 20;
/** A wake may be another process's: the log is looked at again after this long in any case. */
const lookMs = 5_000;
/** How often it is asked whether the key still may. */
const keyMs = 60_000;
/** A log that can't be read at the moment is tried again after this long. */
const awayMs = 1_000;

/**
 * Opens a stream of an app's events: from a resume point on (an event's id, or a `resume`), or from now on. Events are read when they are
 * asked for, a batch at a time, so a slow reader costs nothing but his place. Fails `changes-expired`,
 * `invalid-cursor`, and `rate-limited` when the app has too many.
 */
export function streamEvents(needs: StreamEventsNeeds) {
  const { clock, metrics } = needs;
  const open = new Map<string, number>();
  let all = 0;
  // A Worker's request can't wait for another one's promise.
  const together = needs.maxStreamMs === null ? createSharedReads<EventsRead>() : null;

  function readFrom(log: EventLog, position: number): Promise<EventsRead> {
    const read = () => log.read(position, batch);
    return together === null ? read() : together(`${position} ${log.name}`, read);
  }

  function take(appId: string): () => void {
    const before = open.get(appId) ?? 0;
    if (before >= streamsAtOnce)
      throw new Failure("rate-limited", `This app has ${streamsAtOnce} event streams open already.`, {
        retryAfter: 30,
        fix: "Close streams that you don't read; one stream tells the events of all accounts.",
      });
    const count = (by: number) => {
      const now = (open.get(appId) ?? 0) + by;
      if (now === 0) open.delete(appId);
      else open.set(appId, now);
      metrics.gauge("postern_event_streams", (all += by));
    };
    count(1);
    return () => count(-1);
  }

  return async (
    caller: AppCaller,
    { from, ...filter }: EventFilter & { from?: string | undefined },
  ): Promise<EventStream> => {
    const log = openEventLog(needs, caller, filter);
    const start = await startOf(log, from);
    const giveBack = take(caller.appId);
    const endsAt = needs.maxStreamMs === null ? Infinity : clock.now() + needs.maxStreamMs;
    const over = new AbortController();
    let position = start;
    let keyCheckedAt = clock.now();
    let woken: Promise<void> | null = null;

    function end(why: EventsEnd): void {
      if (over.signal.aborted) return;
      over.abort();
      needs.stopping.removeEventListener("abort", stop);
      giveBack();
      metrics.count("postern_event_streams_ended_total", { why });
    }
    const stop = (): void => end("stopping");
    needs.stopping.addEventListener("abort", stop);
    if (needs.stopping.aborted) stop();

    async function mayGoOn(): Promise<boolean> {
      if (clock.now() >= endsAt) end("over");
      if (!over.signal.aborted && clock.now() - keyCheckedAt >= keyMs) {
        if (!(await isAsItWas(needs, caller))) end("revoked");
        keyCheckedAt = clock.now();
      }
      return !over.signal.aborted;
    }

    /** What has come, once the reader may have it; null when the stream is over. Waits while the database is away. */
    async function look(until: number): Promise<EventsRead | null> {
      try {
        return (await mayGoOn()) ? await readFrom(log, position) : null;
      } catch (error) {
        if (!(error instanceof Failure && error.code === "storage-unavailable")) throw error;
        await clock.sleep(Math.min(awayMs, Math.max(0, until - clock.now())), over.signal);
        return { rows: [], next: position, hasMore: false };
      }
    }

    return {
      resume: log.cursorAt(start),
      async next(ms) {
        const until = Math.min(clock.now() + ms, endsAt);
        for (;;) {
          // Begun before the look, so that what is written in between is not missed.
          woken ??= needs.wake
            .wait("events", caller.appId, Math.min(lookMs, Math.max(0, until - clock.now())), over.signal)
            .then(() => void (woken = null));
          const read = await look(until);
          if (read === null) return null;
          const { rows, next } = read;
          position = next;
          if (rows.length > 0 || (clock.now() >= until && until < endsAt))
            return { events: rows.map(viewEvent), resume: log.cursorAt(position) };
          await woken;
        }
      },
      ended: over.signal,
      close: end,
    };
  };
}

async function startOf(log: EventLog, from: string | undefined): Promise<number> {
  if (from === undefined) return log.newest();
  return /^evt_[0-9a-v]{26}$/.test(from) ? log.positionOf(from) : log.positionAt(from);
}

/** A key that is gone, has expired, or may see other events by now, ends its streams. */
async function isAsItWas({ keys, clock }: StreamEventsNeeds, caller: AppCaller): Promise<boolean> {
  const key = await keys.get(caller.appId, caller.keyId);
  if (key === null || (key.expiresAt !== null && key.expiresAt <= clock.now())) return false;
  return key.scopes.includes("events:read") && sameAccounts(key.accountIds, caller.accountIds);
}

function sameAccounts(a: string[] | null, b: string[] | null): boolean {
  return JSON.stringify(a && [...a].sort()) === JSON.stringify(b && [...b].sort());
}
