import { Client, DatabaseError } from "pg";
import type { Clock } from "../observe.ts";

/** What is said here is heard by all who have the same database open, while they are connected, and by nobody else. */
export interface Hints {
  /** How long a text may be, octets. */
  maxOctets: number;
  /** Tells the others. False when they were not told; `connected` says when it is worth trying again. */
  tell(text: string): Promise<boolean>;
  /** Resolves when the connection is closed. */
  close(): Promise<void>;
}

export type HintsListener = {
  /** Another process has told this. */
  heard(text: string): void;
  /** There is a connection, the first or a new one: what was told until now has not been heard. */
  connected(): void;
  /** There is none, for the reason that the database or the system gives; told once until there is one again. */
  lost(code: string): void;
};

/** Postgres takes less than 8,000. */
const maxOctets = 7_900;
const channel = "postern";
/** A server that has gone mute is found out by asking it, so often and for so long; milliseconds. */
const [askMs, answerMs] = [15_000, 5_000];
/** Between two attempts to connect, milliseconds: twice as long each time. */
const [firstPauseMs, longestPauseMs] = [250, 5_000];
const goodbyeMs = 1_000;

/**
 * LISTEN and NOTIFY on a connection to `url` of its own, which is made anew for as long as it is not closed. Begins
 * at once, and does not fail.
 */
export function openHints(url: string, listener: HintsListener, clock: Clock): Hints {
  const closing = new AbortController();
  let connected: Client | null = null;

  /** Connects, and comes back when there is no connection any more. */
  async function listen(): Promise<{ reason: string; wasConnected: boolean }> {
    const client = new Client({
      connectionString: url,
      application_name: "postern hints",
      connectionTimeoutMillis: 5_000,
      query_timeout: answerMs,
      keepAlive: true,
    });
    const over = new AbortController();
    let reason = "CONNECTION";
    client.on("error", (error) => (reason = codeOf(error)));
    client.on("end", () => over.abort("ended"));
    closing.signal.addEventListener("abort", () => over.abort("closed"), { signal: over.signal });
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      client.on("notification", ({ processId, payload }) => {
        if (processId !== rows[0]?.pid && payload !== undefined) listener.heard(payload);
      });
      await client.query(`listen ${channel}`);
      connected = client;
      listener.connected();
      for (;;) {
        await clock.sleep(askMs, over.signal);
        if (over.signal.aborted) return { reason, wasConnected: true };
        await client.query("select 1");
      }
    } catch (error) {
      return { reason: codeOf(error), wasConnected: connected !== null };
    } finally {
      connected = null;
      await goodbye(client);
    }
  }

  /** Who does not answer it is left without one. */
  async function goodbye(client: Client): Promise<void> {
    const said = new AbortController();
    const say = async (): Promise<void> => client.end().catch(() => undefined);
    void say().then(() => said.abort("said"));
    await clock.sleep(goodbyeMs, said.signal);
  }

  async function run(): Promise<void> {
    for (let failed = 0; !closing.signal.aborted; failed += 1) {
      const { reason, wasConnected } = await listen();
      if (closing.signal.aborted) return;
      if (wasConnected) failed = 0;
      if (failed === 0) listener.lost(reason);
      const pauseMs = Math.min(firstPauseMs * 2 ** failed, longestPauseMs);
      // Who lost it at the same moment is not to come back at the same moment.
      await clock.sleep(pauseMs * (0.5 + Math.random()), closing.signal);
    }
  }

  const running = run();
  return {
    maxOctets,
    async tell(text) {
      const client = connected;
      if (client === null) return false;
      try {
        await client.query("select pg_notify($1, $2)", [channel, text]);
        return true;
      } catch (error) {
        // What the server refuses does not make the connection a bad one.
        if (!(error instanceof DatabaseError)) void client.end().catch(() => undefined);
        return false;
      }
    },
    async close() {
      closing.abort("closed");
      await running;
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "CONNECTION";
}
