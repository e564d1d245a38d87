import type { FetchQueryObject } from "imapflow";

import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { alternate, difference, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import type { BenchMailbox, World } from "../frame/world.ts";

const page = 50;
const small = 10_000;

/** What an app has to ask for to know what a listing of ours tells. */
const facts: FetchQueryObject = {
  uid: true,
  flags: true,
  envelope: true,
  internalDate: true,
  size: true,
  bodyStructure: true,
};

/** A page of the newest messages from an open mailbox, in folders of very different sizes. */
export const list: Case = {
  name: "list",
  async run(world) {
    const large = world.scale.million ? 1_000_000 : 100_000;
    const sides = { small: await listingOf(world, small), large: await listingOf(world, large) };
    const calls = world.scale.quick ? 30 : 60;
    const rounds = await alternate(world.scale.quick ? 5 : 15, {
      ours: timed(calls, sides.small.ours),
      bare: timed(calls, sides.small.bare),
      oursLarge: timed(calls, sides.large.ours),
      bareLarge: timed(calls, sides.large.bare),
    });
    const beside = (size: number, ours: number[], bare: number[]): Figure => ({
      what: `list ${page} newest of ${size.toLocaleString("en")}, warm`,
      unit: "ms",
      ours: median(ours),
      bare: median(bare),
      bareIs: "FETCH of the same facts",
      compared: { as: "difference", value: medianOf(ours, bare, difference) },
      goal: { atMost: 1 },
    });
    return [
      beside(small, rounds.ours, rounds.bare),
      beside(large, rounds.oursLarge, rounds.bareLarge),
      {
        what: `list ${page} newest of ${large.toLocaleString("en")} over ${small.toLocaleString("en")}`,
        unit: "ms",
        ours: median(rounds.oursLarge),
        bare: median(rounds.ours),
        bareIs: "Postern on the small folder",
        compared: { as: "ratio", value: medianOf(rounds.oursLarge, rounds.ours, ratio) },
        goal: { atMost: 1.25 },
      },
    ];
  },
};

/** Both ways to list a folder, warmed up. */
async function listingOf(world: World, size: number) {
  const mailbox = await world.filled(size);
  const ours = await ourListing(world, mailbox);
  const bare = await bareListing(mailbox, size);
  for (let call = 0; call < 20; call++) {
    await ours();
    await bare();
  }
  return { ours, bare };
}

async function ourListing({ api }: World, { path }: BenchMailbox) {
  return async () => {
    const { data } = (await api.call("GET", `${path}/messages?limit=${page}`)) as { data: unknown[] };
    if (data.length !== page) throw new Error(`${data.length} messages were listed`);
  };
}

async function bareListing(mailbox: BenchMailbox, size: number) {
  const client = await mailbox.openBare();
  return async () => {
    const messages = await client.fetchAll(`${size - page + 1}:${size}`, facts);
    if (messages.length !== page) throw new Error(`${messages.length} messages were fetched`);
  };
}
