import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "./start.ts";

/** An event as the tests look into it. */
export type Told = {
  id: string;
  type: string;
  sequence: number;
  accountId: string;
  data: {
    id: string;
    subject: string;
    folderIds: string[];
    changes?: string[];
    from?: unknown;
    to?: unknown;
    actor: string;
    historical?: boolean;
    name?: string;
    flags?: Record<string, boolean>;
    keywords?: string[];
    state?: string;
  };
};

/** All events of one account so far, in order. */
export async function eventsOf(api: Api, accountPath: string): Promise<Told[]> {
  const account = accountPath.split("/").at(-1);
  const all: Told[] = [];
  for (let query = `?limit=200&account=${account}`; ;) {
    const { body, status, text } = await api.call<{ data: Told[]; nextCursor: string | null }>(
      "GET",
      `/v1/events${query}`,
    );
    if (status !== 200) throw new Error(text);
    all.push(...body.data);
    if (body.data.length < 200 || body.nextCursor === null) return all;
    query = `?limit=200&account=${account}&cursor=${body.nextCursor}`;
  }
}

/** The events of an account, but for those about the account itself, once as many have come. */
export async function eventually(api: Api, path: string, count: number, timeout = 15_000): Promise<Told[]> {
  const mail = async () => (await eventsOf(api, path)).filter(({ type }) => !type.startsWith("account."));
  return until(mail, (events) => events.length >= count, timeout);
}

/** Asks until the answer is good, and gives it; beyond `timeout` milliseconds fails with the last one. Fit for concurrent tests. */
export async function until<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean, timeout = 15_000): Promise<T> {
  for (const end = Date.now() + timeout; ;) {
    const answer = await ask();
    if (isGood(answer)) return answer;
    if (Date.now() > end) throw new Error(`not in time; at last: ${JSON.stringify(answer).slice(0, 2_000)}`);
    await sleep(30);
  }
}

/** Waits until the account has been looked at as a whole, once or once more. */
export async function untilLooked(api: Api, path: string): Promise<void> {
  const id = path.split("/").at(-1) ?? "";
  const lookedAt = async () => (await api.store.watches.get(id))?.lookedAt ?? 0;
  const before = await lookedAt();
  await until(lookedAt, (at) => at > before);
}

/** A short message. */
export function letter(subject: string, date = new Date()): string {
  return [
    "From: Ann <ann@postern.test>",
    "To: me@postern.test",
    `Subject: ${subject}`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${subject.replace(/[^a-z0-9]/gi, "-")}.${date.getTime()}@postern.test>`,
    "",
    "Hello.",
    "",
  ].join("\n");
}
