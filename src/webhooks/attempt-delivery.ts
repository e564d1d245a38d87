import type { KeyObject } from "node:crypto";
import { Failure } from "../errors.ts";
import type { Guard } from "../mail/server.ts";
import type { DeliveryAttempt, WebhookPoster } from "../mail/webhook.ts";
import type { Clock } from "../observe.ts";
import type { WebhookRow } from "../store/webhook-rows.ts";
import type { Vault } from "../vault/vault.ts";
import { excerptOf, secretWords } from "./excerpt.ts";
import { createAdmission } from "./receiver.ts";
import { createRecent } from "./recent.ts";
import { readRetryAfter } from "./retry-after.ts";
import { isInOverlap, openSecrets } from "./secrets-of.ts";
import { signaturesBy, signingKey } from "./sign.ts";

/** `retryAfterMs`: how long the receiver asked to be left alone, from the attempt's end; null when it did not. */
export type Attempted = { attempt: DeliveryAttempt; retryAfterMs: number | null };

type Needs = {
  vault: Pick<Vault, "openText">;
  guard: Pick<Guard, "admit">;
  poster: Pick<WebhookPoster, "post">;
  clock: Pick<Clock, "now">;
  /** For the look-up and the request, up to the answer's head. */
  timeoutMs: number;
  /** Not null on a Worker. */
  maxStreamMs?: number | null;
};

/** What is the same in each request to a webhook, opened. It stays in memory and is told to nobody. */
type Prepared = { url: URL; keys: KeyObject[]; headers: Record<string, string>; secrets: string[] };
/** What was prepared for a row as it was read; in the overlap of two secrets it is another. */
type OfRow = { inOverlap: boolean; prepared: Prepared };

const capacity = 1_000;
const fixedHeaders = {
  "content-type": "application/json",
  "user-agent": "Postern",
  "accept-encoding": "identity",
};

/** Of the headers that Postern sends, this is the only one that apps may set. */
const saysAccept = (headers: Record<string, string>): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === "accept");

/**
 * Posts a body, made by `payloadOf`, to a webhook once, under its event's id, and tells what came of it: an answer of whatever status, or why there was none, which may also
 * be that the guard refuses the address. Nothing that a receiver does fails it; only what is wrong with us does, as `internal`.
 */
export const attemptDelivery = (
  needs: Needs,
): ((webhook: WebhookRow, message: { id: string; body: string }) => Promise<Attempted>) => {
  const { vault, poster, clock, timeoutMs } = needs;
  const admit = createAdmission(needs);
  const prepared = createRecent<Prepared>(capacity);
  /** One row is asked about for many deliveries, and its name is long. */
  const ofRows = new WeakMap<WebhookRow, OfRow>();

  function prepare(row: WebhookRow, now: number): Prepared {
    const inOverlap = isInOverlap(row, now);
    const ofRow = ofRows.get(row);
    if (ofRow?.inOverlap === inOverlap) return ofRow.prepared;
    const found = find(row, now, inOverlap);
    ofRows.set(row, { inOverlap, prepared: found });
    return found;
  }

  function find(row: WebhookRow, now: number, inOverlap: boolean): Prepared {
    const sealed = [row.sealedKey, row.sealedSecret, row.sealedPreviousSecret, inOverlap, row.sealedHeaders];
    const name = `${row.appId} ${row.id} ${row.url} ${sealed.join(" ")}`;
    const known = prepared.get(name);
    if (known !== undefined) return known;
    const { secrets, headers } = openSecrets(vault, row, now);
    const opened = {
      url: new URL(row.url),
      keys: secrets.map(signingKey),
      headers: { ...headers, ...(!saysAccept(headers) && { accept: "*/*" }), ...fixedHeaders },
      secrets: secretWords(headers),
    };
    prepared.set(name, opened);
    return opened;
  }

  return async (webhook, { id, body }) => {
    const at = clock.now();
    const { url, keys, headers, secrets } = prepare(webhook, at);
    const timestamp = Math.floor(at / 1000);
    const attempt: DeliveryAttempt = { at, durationMs: 0, status: null, error: null, excerpt: null };
    let retryAfterMs: number | null = null;
    try {
      const admitted = await admit(url);
      // A clock may be set while names are looked up.
      const lookUpMs = Math.max(clock.now() - at, 0);
      const answer = await poster.post({
        url,
        admitted,
        headers: {
          ...headers,
          "webhook-id": id,
          "webhook-timestamp": String(timestamp),
          "webhook-signature": signaturesBy(keys, id, timestamp, body),
        },
        body,
        timeoutMs: Math.max(timeoutMs - lookUpMs, 1),
      });
      attempt.status = answer.status;
      attempt.excerpt = excerptOf(answer.body, secrets);
      attempt.durationMs = lookUpMs + answer.headAfterMs;
      retryAfterMs = readRetryAfter(answer.retryAfter, clock.now());
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "internal") throw error;
      attempt.error = { code: error.code, detail: error.message };
      attempt.durationMs = Math.max(clock.now() - at, 0);
    }
    return { attempt, retryAfterMs };
  };
};
