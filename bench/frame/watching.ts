import { setTimeout as sleep } from "node:timers/promises";

import type { Caller } from "./http.ts";

/** What `A/status` tells that matters here. */
type Status = { state: string; folders: { mode: "idle" | "poll"; lastCheckedAt: string }[] };

/** A test mailbox's folders: the inbox, Sent, Drafts, Trash, Junk and Archive. */
const foldersOfEach = 6;

/** Waits until all folders of the account at `path` have been looked at, as its status tells. Fails after `patience` milliseconds. */
export async function untilLookedAt(api: Caller, path: string, patience = 60_000): Promise<void> {
  await until(api, path, patience, ({ folders }) => folders.length >= foldersOfEach);
}

/** Waits until the account's inbox is watched by IDLE. */
export async function untilIdling(api: Caller, path: string): Promise<void> {
  await until(api, path, 60_000, ({ folders }) => folders.some(({ mode }) => mode === "idle"));
}

/** Whether the account is connected and has been looked at since then (milliseconds since the epoch). */
export async function isLookedAtSince(api: Caller, path: string, since: number): Promise<boolean> {
  const { state, folders } = (await api.call("GET", `${path}/status`)) as Status;
  return state === "connected" && folders.some(({ lastCheckedAt }) => Date.parse(lastCheckedAt) >= since);
}

/** Asked so seldom that asking costs Postern little. */
const askEvery = 25;

async function until(api: Caller, path: string, patience: number, isThere: (status: Status) => boolean): Promise<void> {
  const deadline = performance.now() + patience;
  while (!isThere((await api.call("GET", `${path}/status`)) as Status)) {
    if (performance.now() > deadline) throw new Error(`${path} was not watched within ${patience} ms`);
    await sleep(askEvery);
  }
}
