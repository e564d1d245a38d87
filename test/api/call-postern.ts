import { expect } from "vitest";
import type { RunningPostern } from "../servers/postern.ts";
import type { Told } from "./watching.ts";

export type Call = <T>(method: string, path: string, body?: unknown) => Promise<T>;

/** Calls a Postern by its app's key; fails with what it answered other than 2xx. */
export function caller({ url, appKey }: Pick<RunningPostern, "url" | "appKey">): Call {
  return async <T>(method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${appKey}`, "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return (await response.json()) as T;
  };
}

/** The whole log, oldest first. */
export async function wholeLog(call: Call): Promise<Told[]> {
  const log: Told[] = [];
  for (let query = "?limit=200"; ;) {
    const page = await call<{ data: Told[]; nextCursor: string; hasMore: boolean }>("GET", `/v1/events${query}`);
    log.push(...page.data);
    if (!page.hasMore) return log;
    query = `?limit=200&cursor=${page.nextCursor}`;
  }
}

export type Message = {
  id: string;
  subject: string;
  folderIds: string[];
  flags: Record<string, boolean>;
  keywords: string[];
};

/** All messages of an account, over all its folders. */
export async function allMessages(call: Call, path: string): Promise<Message[]> {
  const all: Message[] = [];
  const { data } = await call<{ data: { id: string; selectable: boolean }[] }>("GET", `${path}/folders`);
  for (const { id } of data.filter(({ selectable }) => selectable))
    for (let cursor: string | null = ""; cursor !== null;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const address = `${path}/messages?folder=${id}&limit=200${query}`;
      const page: { data: Message[]; nextCursor: string | null } = await call("GET", address);
      all.push(...page.data);
      cursor = page.nextCursor;
    }
  return all;
}

/** When the account's folders have been looked at, each. */
export async function looks(call: Call, path: string): Promise<{ mode: string; at: string }[]> {
  type Status = { folders: { mode: string; lastCheckedAt: string }[] };
  const { folders } = await call<Status>("GET", `${path}/status`);
  return folders.map(({ mode, lastCheckedAt }) => ({ mode, at: lastCheckedAt }));
}

/** Waits until all the accounts have been looked at as a whole, and wait for news of their inboxes. */
export async function untilIdle(call: Call, paths: string[]): Promise<void> {
  const others = async () => {
    const all = await Promise.all(paths.map((path) => looks(call, path)));
    return paths.filter((_, n) => all[n]?.every(({ mode }) => mode !== "idle"));
  };
  await expect.poll(others, { timeout: 30_000, interval: 50 }).toEqual([]);
}

/** Waits until all folders of all the accounts have been looked at after now. */
export async function untilAllLooked(call: Call, paths: string[]): Promise<void> {
  const since = new Date().toISOString();
  const late = async () => {
    const all = await Promise.all(paths.map((path) => looks(call, path)));
    return paths.filter((_, n) => all[n]?.every(({ at }) => at >= since) !== true || all[n].length === 0);
  };
  await expect.poll(late, { timeout: 30_000, interval: 50 }).toEqual([]);
}
