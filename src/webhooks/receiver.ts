import type { Admitted, Guard, Target } from "../mail/server.ts";
import type { Clock } from "../observe.ts";
import { createRecent } from "./recent.ts";

/** A receiver's host and port as the guard wants to be asked about them. `url` is https or http. */
export function targetOf(url: URL): Target {
  const isHttps = url.protocol === "https:";
  return {
    protocol: isHttps ? "https" : "http",
    server: {
      host: url.hostname,
      port: url.port === "" ? (isHttps ? 443 : 80) : Number(url.port),
      security: isHttps ? "tls" : "none",
      tls: { ca: null, servername: null },
    },
  };
}

/** What the guard said of a receiver is asked for again when it is older than this. */
const maxAgeMs = 10_000;
const capacity = 1_000;

/**
 * Where a receiver is, as the guard admits it: looked up once in ten seconds for all that is posted to it. What it refuses is
 * asked for again each time. Fails as `Guard.admit`.
 */
export function createAdmission(needs: {
  guard: Pick<Guard, "admit">;
  clock: Pick<Clock, "now">;
  /** Not null on a Worker, where no request can wait for what another one has begun: it may never end. */
  maxStreamMs?: number | null;
}): (url: URL) => Promise<Admitted> {
  const known = createRecent<{ at: number; admitted: Promise<Admitted>; mayShare: boolean }>(capacity);
  const isShared = (needs.maxStreamMs ?? null) === null;
  return (url) => {
    const now = needs.clock.now();
    const last = known.get(url.origin);
    if (last?.mayShare === true && Math.abs(now - last.at) < maxAgeMs) return last.admitted;
    const entry = { at: now, admitted: needs.guard.admit(targetOf(url)), mayShare: isShared };
    known.set(url.origin, entry);
    entry.admitted.then(
      () => (entry.mayShare = true),
      () => {
        if (known.get(url.origin) === entry) known.remove(url.origin);
      },
    );
    return entry.admitted;
  };
}
