import { setTimeout as sleep } from "node:timers/promises";

import { deliver } from "../../test/servers/maildir.ts";
import { makeBacklog } from "../frame/backlog.ts";
import type { Case } from "../frame/case.ts";
import { type DatabaseWork, type MeteredPostgres, startMeteredPostgres } from "../frame/database-work.ts";
import type { Figure } from "../frame/figure.ts";
import { type BenchReplicas, startReplicas } from "../frame/replicas.ts";
import { alternate, median, medianOf, ratio } from "../frame/rounds.ts";
import { message, smallMessages } from "../frame/small-messages.ts";
import { untilIdling } from "../frame/watching.ts";
import { startWebhookSink, type WebhookSink } from "../frame/webhook-sink.ts";

/** Clients at once, however many replicas they are spread over. */
const clients = 12;
/** Mailboxes that are read, and that mail comes into. */
const mailboxes = 6;
/** Webhooks of a backlog, and what each may have under way: a number that replicas divide without a rest. */
const [endpoints, hands] = [8, 12];
/** Mails come so far apart, milliseconds. */
const apart = 100;
/** What is left to be done after the last piece is done in this time, milliseconds. */
const settled = 1_000;

/** What mail has its watchers do later is done in this time, milliseconds. */
const resting = 5_000;

/** How many pieces of work there were in a second, and what each asked of the database. */
type Measured = DatabaseWork & { perSecond: number };

const units = {
  perSecond: "/s",
  statements: "statements",
  commits: "commits",
  hints: "hints",
  processorTime: "ms",
} as const satisfies Record<keyof Measured, Figure["unit"]>;

const words = {
  perSecond: "",
  statements: ", asked of Postgres for each",
  commits: ", written by Postgres for each",
  hints: ", NOTIFY for each",
  processorTime: ", processor time of Postgres for each",
} as const satisfies Record<keyof Measured, string>;

/**
 * The same work on 1, 2 and 3 replicas, each number on a database of its own in one Postgres, before one Dovecot: how much of it there is in a
 * second, and what the database has to do for each piece.
 */
export const replicas: Case = {
  name: "replicas",
  async run(world) {
    const { quick } = world.scale;
    const postgres = await startMeteredPostgres();
    const sink = await startWebhookSink();
    const started: BenchReplicas[] = [];
    try {
      for (const count of [1, 2, 3]) started.push(await startReplicas(world, await postgres.database(), count));
      const houses: House[] = [];
      for (const each of started) houses.push(await openHouse(each, postgres, sink));
      const measure = async (rounds: number, work: (house: House) => Promise<Measured>): Promise<Measured[][]> =>
        Object.values(
          await alternate(rounds, Object.fromEntries(houses.map((house) => [house.count, () => work(house)]))),
        );
      const lists = await measure(quick ? 2 : 4, (house) => house.list(quick ? 180 : 360));
      const fetches = await measure(quick ? 2 : 4, (house) => house.fetch(quick ? 360 : 900));
      const backlogs = await measure(quick ? 1 : 3, (house) => house.backlog(quick ? 250 : 500));
      const arrivals = await measure(quick ? 1 : 2, (house) => house.arrivals(quick ? 40 : 60));
      await sleep(resting);
      const rests = await Promise.all(houses.map(async (house) => [await house.rest(10)]));
      return [
        ...figuresOf("list 50 newest", lists, ["perSecond", "statements", "processorTime"]),
        ...figuresOf("fetch one 10 kB message", fetches, ["perSecond", "statements", "processorTime"]),
        ...figuresOf("webhooks sent", backlogs, ["perSecond", "statements", "commits", "processorTime"]),
        ...figuresOf("new mail with a webhook", arrivals, ["statements", "commits", "hints", "processorTime"]),
        ...figuresOf("a second without work", rests, ["statements"]),
      ];
    } finally {
      await Promise.all(started.map((each) => each.stop()));
      await sink.stop();
      await postgres.stop();
    }
  },
};

/** What so many replicas can be asked for; each measures so many pieces of work. */
type House = {
  count: number;
  list(calls: number): Promise<Measured>;
  fetch(calls: number): Promise<Measured>;
  /** Webhooks that are due already, from so many events. */
  backlog(events: number): Promise<Measured>;
  /** Mails, each into another mailbox than the one before, from the mail to its event's one webhook. */
  arrivals(mails: number): Promise<Measured>;
  /** Seconds. */
  rest(seconds: number): Promise<Measured>;
};

/** Fills the mailboxes, and warms up what is to be measured. */
async function openHouse(started: BenchReplicas, postgres: MeteredPostgres, sink: WebhookSink): Promise<House> {
  const { databaseUrl, count, world, get } = started;
  const { api, stack } = world;
  const filled = await Promise.all(Array.from({ length: mailboxes }, () => smallMessages(world)));
  for (const { mailbox } of filled) await untilIdling(api, mailbox.path);
  const maildirs = filled.map(({ mailbox }) => stack.dovecot.maildir(mailbox.user));
  const backlog = await makeBacklog(world, sink);
  const held = await backlog.webhooks(endpoints, hands);
  const [prompt = ""] = await backlog.webhooks(1, hands);

  async function measured(pieces: number, work: () => Promise<void>, settling = 0): Promise<Measured> {
    await postgres.work(databaseUrl);
    const start = performance.now();
    await work();
    const perSecond = pieces / ((performance.now() - start) / 1000);
    await sleep(settling);
    const { statements, commits, hints, processorTime } = await postgres.work(databaseUrl);
    return {
      perSecond,
      statements: statements / pieces,
      commits: commits / pieces,
      hints: hints / pieces,
      processorTime: processorTime / pieces,
    };
  }

  const list = (calls: number): Promise<Measured> => {
    const paths = Array.from({ length: calls }, (_, nth) => `${filled[nth % mailboxes]?.mailbox.path}/messages`);
    return measured(calls, () => get(paths, clients));
  };
  const fetch = (calls: number): Promise<Measured> => {
    const paths = Array.from({ length: calls }, (_, nth) => {
      const { mailbox, ids } = filled[nth % mailboxes] ?? { mailbox: { path: "" }, ids: [] };
      return `${mailbox.path}/messages/${ids[nth % ids.length]}`;
    });
    return measured(calls, () => get(paths, clients));
  };
  const send = async (events: number): Promise<Measured> => {
    const letGo = await backlog.gather(held, events);
    return measured(events * endpoints, letGo, settled);
  };
  await list(240);
  await fetch(240);
  await send(50);

  return {
    count,
    list,
    fetch,
    backlog: send,
    async arrivals(mails) {
      await api.call("PATCH", `/v1/webhooks/${prompt}`, { enabled: true });
      await sleep(settled);
      const come = async (): Promise<void> => {
        for (let nth = 0; nth < mails; nth++) {
          deliver(maildirs[nth % mailboxes] ?? "", message(nth));
          await sleep(apart);
        }
        await sink.received(mails);
      };
      const found = await measured(mails, come, settled);
      await api.call("PATCH", `/v1/webhooks/${prompt}`, { enabled: false });
      return found;
    },
    rest: (seconds) => measured(seconds, () => sleep(seconds * 1000)),
  };
}

/** Two and three replicas beside one. */
function figuresOf(what: string, rounds: Measured[][], kinds: (keyof Measured)[]): Figure[] {
  const [one = [], ...more] = rounds;
  return kinds.flatMap((kind) =>
    more.map((several, nth): Figure => {
      const [ours, bare] = [several, one].map((side) => side.map((round) => round[kind]));
      return {
        what: `${what}, ${nth + 2} replicas${words[kind]}`,
        unit: units[kind],
        ours: median(ours ?? []),
        bare: median(bare ?? []),
        bareIs: "1 replica",
        compared: { as: "ratio", value: medianOf(ours ?? [], bare ?? [], ratio) },
        goal: null,
      };
    }),
  );
}
