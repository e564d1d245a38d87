import type { OpenAPIHono } from "@hono/zod-openapi";
import type { FailureCode, Upstream } from "../errors.ts";
import type { Caller, Scope } from "../mail/tenant.ts";
import type { Clock, Log } from "../observe.ts";
import type { ByteBudget } from "../operations/byte-budget.ts";
import type { MetricsRegistry } from "./metrics.ts";

/** What the front door needs of the rest of the house. */
export type FrontNeeds = {
  config: {
    /** Octets of a JSON body, where the route sets no limit of its own. */
    maxBody: number;
    /** Where callers reach this server, or null when the operator has not said. */
    publicUrl: string | null;
  };
  /** Octets of a message that a caller sends, at most. */
  maxMessage: number;
  /** Octets of a JSON body, whatever its route allows; absent: no less than that. Of memory it takes six times as much. */
  maxJson?: number;
  /** Octets of long bodies, and of messages to be stored, that are held at once, of one app half; absent: as many as is good for a process. */
  heldAtOnce?: number;
  log: Log;
  metrics: MetricsRegistry;
  clock: Clock;
  /** The caller that a bearer token names, or null for every token that is no good, whatever the reason. */
  authenticate: (token: string) => Promise<Caller | null>;
  /** Rejects while the server can't do its work (the database does not answer). */
  ready: () => Promise<void>;
  /** Opens Scalar's standalone script for /docs; null where static assets serve it. */
  docsScript: (() => Promise<Uint8Array<ArrayBuffer>>) | null;
};

/** Who may call a route: an app's key with this scope, an operator's key, any valid key, or everybody. */
export type RouteScope = Scope | "operator" | "any" | "none";

/** What a request's log line says, filled on the way. Only ids and words of closed sets. */
export type RequestLine = {
  route?: string;
  operation?: string;
  appId?: string;
  keyId?: string;
  accountId?: string;
  code?: FailureCode;
  /** Where the mail server failed us, and the error behind a 5xx: no words of strangers. */
  upstream?: Pick<Upstream, "protocol" | "phase" | "host" | "status" | "responseCode">;
  cause?: Record<string, unknown>;
  /** Set by a streamed answer: its end writes the line, not the handler's return. */
  streamed?: (finish: (bytes: number, outcome: "whole" | "aborted" | "failed") => void) => void;
};

/** What every request carries; a route behind a key carries its `caller` too (see contract.ts). */
export type FrontEnv = {
  Variables: { front: FrontNeeds; memory: ByteBudget; requestId: string; line: RequestLine };
};

/** The front door: routes are registered on it by plain statements. */
export type Front = OpenAPIHono<FrontEnv>;
