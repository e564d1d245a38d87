import { randomUUID } from "node:crypto";
import type { Submission } from "../../src/mail/submission.ts";
import type { MailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { accountOn, type Answer, type Api, storeAccount } from "./start.ts";
import { until } from "./watching.ts";
import { good } from "./webhooks.ts";

export type { Submission };

export type Problem = { code: string; errors?: { pointer: string; code: string }[]; limit?: number };

export const to = (...emails: string[]) => emails.map((email) => ({ name: "", email }));

/** More than the line holds: when its first octets have come, its last ones are not yet on their way. */
export const longText = "hello, hello, hello\n".repeat(600_000);

/** Posts a message; waits for its end for `wait` seconds. */
export function send<T = Submission>(
  api: Api,
  path: string,
  body: object,
  { key = randomUUID(), wait = 20 }: { key?: string; wait?: number } = {},
): Promise<Answer<T>> {
  const headers = { "Idempotency-Key": key, ...(wait > 0 && { Prefer: `wait=${wait}` }) };
  return api.call<T>("POST", `${path}/submissions`, body, { headers });
}

/** The submission of a message that has to be accepted. */
export const submitted = (...asked: Parameters<typeof send>): Promise<Submission> => good(send(...asked));

/** The status and code of what is refused. */
export function refused({ status, body }: Answer<unknown>): [number, string] {
  return [status, (body as Problem).code];
}

export function getSubmission(api: Api, { accountId, id }: Pick<Submission, "accountId" | "id">): Promise<Submission> {
  return good(api.call<Submission>("GET", `/v1/accounts/${accountId}/submissions/${id}`));
}

/** A submission once it is as it should be. */
export function untilSubmission(
  api: Api,
  submission: Pick<Submission, "accountId" | "id">,
  isGood: (now: Submission) => boolean,
  timeout?: number,
): Promise<Submission> {
  return until(() => getSubmission(api, submission), isGood, timeout);
}

export function patch<T = Submission>(api: Api, { accountId, id }: Submission, change: object): Promise<Answer<T>> {
  return api.call<T>("PATCH", `/v1/accounts/${accountId}/submissions/${id}`, change);
}

export function cancel<T = Submission>(api: Api, { accountId, id }: Submission): Promise<Answer<T>> {
  return api.call<T>("DELETE", `/v1/accounts/${accountId}/submissions/${id}`);
}

/** What became of each recipient, as `state code`, by the name before the @ and any dash. */
export function outcomes({ recipients }: Pick<Submission, "recipients">): Record<string, string> {
  return Object.fromEntries(
    recipients.map(({ email, state, code }) => [
      email.split("@")[0]?.replace(/^user-.*/, "user") ?? "",
      `${state} ${code}`,
    ]),
  );
}

export type Correspondents = {
  /** Paths of two accounts. */
  from: string;
  inbox: string;
  sender: User;
  recipient: User;
};

type Servers = { smtpPort?: number; account?: object };

/** An account that sends, by the SMTPS port of Postfix or another, and one that gets mail. */
export async function correspondents(api: Api, stack: MailStack, servers: Servers = {}): Promise<Correspondents> {
  const [sender, recipient] = [stack.dovecot.user(), stack.dovecot.user()];
  return {
    from: await storeAccount(api, sendingBy(stack, sender, servers)),
    inbox: await storeAccount(api, accountOn(stack, recipient)),
    sender,
    recipient,
  };
}

/** An account on the test's own servers that sends by this port. */
export function sendingBy(stack: MailStack, user: User, { smtpPort, account = {} }: Servers) {
  const whole = accountOn(stack, user);
  const outgoing = { ...whole.outgoing, ...(smtpPort !== undefined && { port: smtpPort }) };
  return { ...whole, outgoing, ...account };
}

export type Listed = {
  id: string;
  messageId: string;
  subject: string;
  flags: Record<string, boolean>;
  keywords: string[];
  to: { email: string }[];
  cc: { email: string }[];
  attachments: { id: string; filename: string; contentType: string; inline: boolean; contentId: string | null }[];
};

export async function messagesOf(api: Api, path: string, query = ""): Promise<Listed[]> {
  return (await good(api.call<{ data: Listed[] }>("GET", `${path}/messages?limit=200${query}`))).data;
}

/** What lies in the inbox, newest first, once there are as many messages. */
export function inboxOf(api: Api, path: string, count: number): Promise<Listed[]> {
  return until(
    () => messagesOf(api, path),
    (all) => all.length >= count,
  );
}

/** The only message in an inbox, once it is there. */
export async function arrivedIn(api: Api, path: string): Promise<Listed> {
  const [message, ...more] = await inboxOf(api, path, 1);
  if (message === undefined || more.length > 0) throw new Error(`${more.length + 1} messages`);
  return message;
}

/** Octets of a GET. */
export async function octetsOf(api: Api, path: string): Promise<Buffer> {
  const response = await fetch(api.url + path, { headers: { Authorization: `Bearer ${api.keys.appKey}` } });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

export const rawOf = (api: Api, path: string, { id }: Pick<Listed, "id">): Promise<Buffer> =>
  octetsOf(api, `${path}/messages/${id}/raw`);
