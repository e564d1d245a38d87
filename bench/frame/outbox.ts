import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { flood, type Post } from "./flood.ts";
import { type Sink, startSink } from "./smtp-sink.ts";
import type { World } from "./world.ts";

/** Accounts that send to a sink. */
export type Outbox = {
  sink: Sink;
  /** The login that the sink takes, as the accounts have it. */
  auth: { username: string; password: string };
  /**
   * Hands in so many messages by 64 clients at once, spread over the first `accounts` accounts; resolves when all are accepted.
   * `sendAt` (RFC 3339) has them wait.
   */
  submit(messages: number, accounts: number, sendAt?: string): Promise<void>;
};

export const clients = 64;

/** The message that is sent over and over. */
export const letter = {
  to: { name: "Bob Bellows", email: "bob@postern.test" },
  subject: "Your invoice for November",
  text: "Hello Bob,\n\nthank you for your order. You find the invoice in your account.\n\nAnn\n".repeat(8),
};

/** Runs work with a sink and so many accounts that send to it, and stops the sink after. */
export async function withOutbox<T>(world: World, accounts: number, work: (outbox: Outbox) => Promise<T>): Promise<T> {
  const { ca, valid } = world.stack.certificates;
  const sink = await startSink(valid);
  try {
    const auth = { username: "ann", password: "a-password-for-the-sink" };
    const { host, port } = sink;
    const outgoing = {
      protocol: "smtp",
      host,
      port,
      security: "tls",
      auth: { type: "password", ...auth },
      tls: { ca },
    };
    const paths: string[] = [];
    for (let nth = 0; nth < accounts; nth++) {
      paths.push(await world.store({ email: `ann-${nth}@postern.test`, outgoing }));
    }
    return await work({
      sink,
      auth,
      async submit(messages, over, sendAt) {
        const { to, subject, text } = letter;
        const body = JSON.stringify({ to: [to], subject, text, ...(sendAt !== undefined && { sendAt }) });
        const posts = Array.from({ length: messages }, (_, nth): Post => {
          const headers = { "Idempotency-Key": randomUUID() };
          return { path: `${paths[nth % over]}/submissions`, headers, body };
        });
        await flood(world.postern, clients, posts, 202);
      },
    });
  } finally {
    await sink.stop();
  }
}

/**
 * Deliveries per second of messages that all become due at one time, some seconds after the last was accepted: from that time until
 * the sink has the last.
 */
export async function deliveryRate(outbox: Outbox, messages: number, accounts: number): Promise<number> {
  const dueAt = Date.now() + 4_000 + messages; // accepting takes less than a millisecond for each
  await outbox.submit(messages, accounts, new Date(dueAt).toISOString());
  const left = dueAt - Date.now();
  if (left < 1_000) throw new Error(`accepting ${messages} messages took too long`);
  await sleep(left);
  const start = performance.now();
  await outbox.sink.received(messages);
  return messages / ((performance.now() - start) / 1000);
}

/** Things per second. */
export async function rateOf(things: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return things / ((performance.now() - start) / 1000);
}
