import type { Message } from "../../src/mail/message.ts";
import { fillMaildir } from "../servers/maildir.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { startPop3Front } from "../servers/pop3-front.ts";
import { type Api, maildropOn, startApi, storeAccount } from "./start.ts";

export type Page<T> = { data: T[]; nextCursor: string | null };

export type Problem = {
  code: string;
  capability?: string;
  fix?: string;
  upstream?: { protocol: string; responseCode?: string };
};

/** Postern in this process, and a server that locks a maildrop as long as a session on it lasts. */
export type Maildrops = {
  stack: MailStack;
  api: Api;
  /** The POP3S port of a front that notes what is asked. */
  port: number;
  /** A maildrop with made-up messages, stored as an account. */
  filled(count: number): Promise<{ user: User; path: string }>;
  /** A listing; fails the test when there is none. */
  list(path: string, query?: string): Promise<Message[]>;
  newest(path: string): Promise<Message>;
  /** How often the command was asked meanwhile. */
  asked(command: string, work: () => Promise<unknown>): Promise<number>;
  stop(): Promise<void>;
};

export async function startMaildrops(): Promise<Maildrops> {
  const stack = await startMailStack({ dovecot: { pop3Locks: true } });
  const { host, ports } = stack.dovecot;
  const front = await startPop3Front({ host, port: ports.pop3 }, stack.certificates.valid);
  const api = await startApi();
  const list = async (path: string, query = ""): Promise<Message[]> => {
    const { status, body, text } = await api.call<Page<Message>>("GET", `${path}/messages${query}`);
    if (status !== 200) throw new Error(text);
    return body.data;
  };
  return {
    stack,
    api,
    port: front.port,
    list,
    async filled(count) {
      const user = stack.dovecot.user();
      fillMaildir(stack.dovecot.maildir(user), count, { to: user.username });
      return { user, path: await storeAccount(api, maildropOn(stack, user, { pop3sPort: front.port })) };
    },
    async newest(path) {
      const [message] = await list(path, "?limit=1");
      if (!message) throw new Error("there is no message");
      return message;
    },
    async asked(command, work) {
      const before = front.commands.length;
      await work();
      return front.commands.slice(before).filter((word) => word === command).length;
    },
    async stop() {
      await api.stop();
      await front.stop();
      await stack.stop();
    },
  };
}

export const idsOf = (messages: Message[]): string[] => messages.map(({ id }) => id);
