import { expect } from "vitest";
import type { Store } from "../../src/store/store.ts";
import type { ModelServer } from "./model-server.ts";
import type { WatchedModel } from "./watched-model.ts";

/** What messages of a model refer to: within a dozen mostly, also to what comes later or never does; some answer nothing. */
export function randomTies(key: string) {
  const n = Number(key.slice(1));
  let state = (Math.imul(n, 2_654_435_761) ^ 0x9e3779b9) >>> 0;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const other = (): string => {
    const dozen = random(12) === 0 ? random(20) : Math.floor(n / 12);
    return random(6) === 0 ? `<lost${dozen}@postern.test>` : `<m${dozen * 12 + random(12)}@postern.test>`;
  };
  const receivedAt = 1_790_000_000_000 + random(1_000_000);
  if (random(3) === 0) return { receivedAt };
  const references = Array.from({ length: random(4) }, other);
  return { receivedAt, references, inReplyTo: random(3) === 0 ? other() : (references.at(-1) ?? null) };
}

/** Which of these messages are one conversation, and which names each has, by plain union-find over their ids. */
function conversations(server: ModelServer, keys: Iterable<string>): (key: string) => string {
  const parents = new Map<string, string>();
  const find = (id: string): string => {
    let root = id;
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next;
    return root;
  };
  for (const key of keys) {
    const { references = [], inReplyTo = null } = server.ties(key);
    for (const id of [...references, ...(inReplyTo === null ? [] : [inReplyTo])]) {
      const [one, two] = [find(`<${key}@postern.test>`), find(id)];
      if (one !== two) parents.set(one, two);
    }
  }
  return (key) => find(`<${key}@postern.test>`);
}

/**
 * The index holds each message that is there, once, and no other; what is tied by messages that are there is one thread, and one
 * thread is tied by messages that were told some day. Every `threadId` that was told of a message leads to its thread.
 */
export async function expectThreads(store: Store, server: ModelServer, watch: WatchedModel): Promise<void> {
  const keys = new Map<string, string>();
  for (const [path, { messages }] of server.folders)
    for (const { uid, key } of messages.values()) keys.set(`${path}/${uid}`, key);
  const threads = await watch.threads();
  expect([...threads.values()].flat().toSorted()).toEqual([...keys.keys()].toSorted());

  const here = conversations(server, keys.values());
  const ever = conversations(server, server.told);
  const threadsOf = new Map<string, Set<string>>();
  const threadOf = new Map<string, string>();
  for (const [id, places] of threads) {
    const all = places.map((place) => keys.get(place) ?? "");
    expect(new Set(all.map(ever)).size).toBe(1);
    for (const key of all) {
      threadOf.set(`<${key}@postern.test>`, id);
      threadsOf.set(here(key), (threadsOf.get(here(key)) ?? new Set()).add(id));
    }
  }
  expect([...threadsOf.values()].filter(({ size }) => size !== 1)).toEqual([]);

  for (const { id, latestAt, messages } of await store.threads.list(watch.accountId, {
    after: null,
    limit: 1_000,
    folder: null,
  })) {
    const some = new Set((threads.get(id) ?? []).map((place) => keys.get(place) ?? ""));
    expect(messages).toBe(some.size);
    expect(latestAt).toBe(Math.max(...[...some].map((key) => server.ties(key).receivedAt ?? 0)));
  }

  const told = (await watch.events()).flatMap(({ data }) => (data?.["messageId"] === undefined ? [] : [data]));
  expect(told.filter(({ threadId }) => typeof threadId !== "string")).toEqual([]);
  const leads = await store.threads.of(
    watch.accountId,
    told.map(({ threadId }) => String(threadId)),
  );
  const wrong = told.filter(({ messageId, threadId }) => {
    const now = threadOf.get(String(messageId));
    return now !== undefined && leads.get(String(threadId)) !== now;
  });
  expect(wrong).toEqual([]);
}
