import type { Message } from "../../src/mail/message.ts";
import { deliver } from "../servers/maildir.ts";
import type { MailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { type Answer, type Api, accountOn, maildropOn, storeAccount } from "./start.ts";
import { good } from "./webhooks.ts";

export const protocols = ["IMAP", "POP3"] as const;
export type Protocol = (typeof protocols)[number];

/** A mailbox with the messages given, stored as an account. */
export async function boxWith(
  { api, stack }: { api: Api; stack: MailStack },
  protocol: Protocol,
  messages: (string | Buffer)[] = [],
): Promise<{ user: User; path: string }> {
  const user = stack.dovecot.user();
  for (const raw of messages) deliver(stack.dovecot.maildir(user), raw);
  return { user, path: await storeAccount(api, (protocol === "POP3" ? maildropOn : accountOn)(stack, user)) };
}

export async function listed(api: Api, path: string, query = ""): Promise<Message[]> {
  return (await good(api.call<{ data: Message[] }>("GET", `${path}/messages${query}`))).data;
}

/** Where the message of a mailbox with only this one lies in the API. */
export async function onlyOne(...[of, protocol, raw]: [Parameters<typeof boxWith>[0], Protocol, string | Buffer]) {
  const { path, user } = await boxWith(of, protocol, [raw]);
  const [message, ...more] = await listed(of.api, path);
  if (message === undefined || more.length > 0) throw new Error("not one message");
  return { path, user, message, at: `${path}/messages/${message.id}` };
}

/** A message of one part; lines end in LF. */
export function mailOf(type: string, body: string, headers: string[] = []): string {
  return ["From: Ann <ann@postern.test>", "Subject: x", ...headers, `Content-Type: ${type}`, "", body].join("\n");
}

/** A message of several parts: each with its own header lines. */
export function mailOfParts(
  type: string,
  parts: { headers: string[]; body: string }[],
  headers: string[] = [],
): string {
  const all = parts.flatMap((part) => ["--b", ...part.headers, "", part.body]);
  return mailOf(`${type}; boundary=b`, [...all, "--b--", ""].join("\n"), headers);
}

export const textPart = (body: string, subtype = "plain") => ({
  headers: [`Content-Type: text/${subtype}; charset=utf-8`],
  body,
});

export function imagePart(id: string, octets: Buffer, type = "image/png") {
  const headers = [`Content-Type: ${type}`, `Content-ID: <${id}>`, "Content-Transfer-Encoding: base64"];
  return {
    headers: [...headers, "Content-Disposition: inline"],
    body: octets.toString("base64").replace(/.{76}/g, "$&\n"),
  };
}

/** Follows the Link of each page to the last one; fails the test where there are too many. */
export async function pagesOf(api: Api, path: string): Promise<Answer[]> {
  const pages: Answer[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const answer: Answer = await api.call("GET", next);
    if (answer.status !== 200 || pages.length > 40) throw new Error(`${answer.status} ${answer.text.slice(0, 200)}`);
    pages.push(answer);
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
  }
  return pages;
}
