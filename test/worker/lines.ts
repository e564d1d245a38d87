import { connect } from "cloudflare:sockets";
import { Failure } from "../../src/errors.ts";
import type { ServerLogin } from "../../src/mail/server.ts";
import type { MailEnvelope } from "../../src/mail/submitter.ts";
import type { WebhookRequest } from "../../src/mail/webhook.ts";
import { createGuard } from "../../src/net/guard.ts";
import { type SmtpDeadlines, smtpDeadlines } from "../../src/protocols/smtp/deadlines.ts";
import { openSubmitterBySockets } from "../../src/protocols/smtp/open-submitter-sockets.ts";
import { createFetchPoster } from "../../src/webhooks/post-fetch.ts";

/** What is sent over one session, and what is to go wrong on our side. */
export type SmtpAsked = {
  login: ServerLogin;
  deadlines?: Partial<SmtpDeadlines>;
  envelope: MailEnvelope;
  /** Messages; none: only the server's limits are asked for. Base64. */
  messages: string[];
  /** Those whose commit fails, by their index. */
  uncommitted?: number[];
};

/** A receiver is asked by its URL as text. */
export type PostAsked = Omit<WebhookRequest, "url"> & { url: string };

export type Answered = { done: unknown } | { failure: { code: string; message: string; upstream?: unknown } };

const guard = createGuard({
  resolve: async () => ["127.0.0.1"],
  allowNetworks: ["127.0.0.0/8", "::1/128"],
  allowPorts: "all",
  allowInsecure: true,
  pin: false,
  timeoutMs: 1_000,
});

/** A Worker that does what a test asks for, with what the Worker of Postern uses for its connections. */
export default {
  async fetch(request: Request): Promise<Response> {
    const isSmtp = new URL(request.url).pathname === "/smtp";
    const asked = await request.json();
    const work = isSmtp ? sendBySmtp(asked as SmtpAsked) : post(asked as PostAsked);
    const answered: Answered = await work.then(
      (done) => ({ done }),
      (error: unknown) => ({ failure: told(error) }),
    );
    return Response.json(answered);
  },
};

async function sendBySmtp({ login, deadlines, envelope, messages, uncommitted = [] }: SmtpAsked): Promise<unknown> {
  const needs = { guard, deadlines: { ...smtpDeadlines, ...deadlines } };
  const submitter = openSubmitterBySockets(connect)(needs, login);
  try {
    const limits = await submitter.limits();
    const outcomes = [];
    for (const [n, message] of messages.entries()) {
      const bytes = Buffer.from(message, "base64");
      const beforeDot = async (): Promise<void> => {
        if (uncommitted.includes(n)) throw new Error("disk full");
      };
      const options = { size: bytes.length, eightBit: false, utf8: false, beforeDot };
      outcomes.push(
        await submitter.submit(bytes, envelope, options).catch((error: unknown) => ({ failure: told(error) })),
      );
    }
    return { limits, outcomes };
  } finally {
    await submitter.close();
  }
}

async function post({ url, ...request }: PostAsked): Promise<unknown> {
  const poster = createFetchPoster((asked) => fetch(asked));
  try {
    const answer = await poster.post({ ...request, url: new URL(url) });
    return { ...answer, body: Buffer.from(answer.body).toString("base64") };
  } finally {
    poster.close();
  }
}

function told(error: unknown): { code: string; message: string; upstream?: unknown } {
  if (error instanceof Failure) return { code: error.code, message: error.message, upstream: error.details.upstream };
  return { code: "none", message: error instanceof Error ? error.message : String(error) };
}
