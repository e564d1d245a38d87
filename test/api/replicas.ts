import { randomBytes } from "node:crypto";
import { Client } from "pg";
import type { Postgres } from "../servers/postgres.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { type RoundRobin, startRoundRobin } from "../servers/round-robin.ts";
import { type Call, caller } from "./call-postern.ts";

/** One of the replicas, as its callers see it. */
export type Replica = { postern: RunningPostern; url: string; appKey: string; call: Call };

export type Replicas = {
  /** Those that the front gives requests to; whoever takes one away stops it. */
  each: Replica[];
  /** Of their Postgres. */
  databaseUrl: string;
  /** A front that gives each request to the next of those that listen. */
  front: RoundRobin;
  appKey: string;
  /** Calls by the front. */
  call: Call;
  /** Starts one more, which is among `each` once it is ready. */
  add(): Promise<Replica>;
  stop(): Promise<void>;
};

/** So many Posterns on a fresh database of one Postgres, and a round-robin front before them. */
export async function startReplicas(
  postgres: Pick<Postgres, "database">,
  count: number,
  env: Record<string, string> = {},
): Promise<Replicas> {
  const databaseUrl = await postgres.database();
  const shared = { POSTERN_DATABASE_URL: databaseUrl, POSTERN_SECRET: randomBytes(32).toString("hex"), ...env };
  // The first one makes the tables and the keys.
  const first = await startPostern({ env: shared });
  const others = await Promise.all(Array.from({ length: count - 1 }, () => startPostern({ env: shared })));
  const { appKey } = first;
  const replicaOf = (postern: RunningPostern): Replica => {
    const { url } = postern;
    return { postern, url, appKey, call: caller({ url, appKey }) };
  };
  const each = [first, ...others].map(replicaOf);
  const front = await startRoundRobin(() => each.map(({ url }) => url));
  return {
    each,
    databaseUrl,
    front,
    appKey,
    call: caller({ url: front.url, appKey }),
    async add() {
      const added = replicaOf(await startPostern({ env: shared }));
      await added.call("GET", "/readyz");
      each.push(added);
      return added;
    },
    async stop() {
      await front.stop();
      await Promise.all(each.map(({ postern }) => postern.stop()));
    },
  };
}

/** How many accounts each process watches by the database's word, the fewest first; those that watch none are not among them. */
export async function splitOf(databaseUrl: string): Promise<number[]> {
  const client = new Client(databaseUrl);
  await client.connect();
  const { rows } = await client.query<{ owned: number }>(
    "select count(*)::int as owned from watches where owner is not null and lease_until > extract(epoch from clock_timestamp()) * 1000 group by owner order by 1",
  );
  await client.end();
  return rows.map(({ owned }) => owned);
}

/** How many accounts a replica watches, as it counts itself. */
export async function watchedBy({ url }: Pick<Replica, "url">): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^postern_watched_accounts (\d+)$/m.exec(text)?.[1] ?? 0);
}
