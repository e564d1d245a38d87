import type { FetchQueryObject } from "imapflow";

import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { alternate, difference, median, medianOf, ratio, type Rounds, timed } from "../frame/rounds.ts";
import { folderSizes, inDigits } from "../frame/sizes.ts";
import type { World } from "../frame/world.ts";

const page = 50;
/** Larger folders, and the smaller ones that the same page of theirs is compared with. */
const references = [
  { large: 100_000, small: 1_000 },
  { large: 1_000_000, small: 10_000 },
];

/** What an app has to ask for to know what a listing of ours tells. */
const facts: FetchQueryObject = {
  uid: true,
  flags: true,
  envelope: true,
  internalDate: true,
  size: true,
  bodyStructure: true,
};

/** A page of messages from an open mailbox, in folders of very different sizes: the newest again and again, and pages unseen. */
export const list: Case = {
  name: "list",
  async run(world) {
    const sizes = [...folderSizes(world), 1_000].toSorted((a, b) => a - b);
    const listings = new Map<number, Listing>();
    for (const size of sizes) listings.set(size, await listingOf(world, size));
    const calls = world.scale.quick ? 30 : 60;
    const work = [...listings].flatMap(([size, { ours, bare }]) => [
      [`ours ${size}`, timed(calls, ours)] as const,
      [`bare ${size}`, timed(calls, bare)] as const,
    ]);
    const { oursUnseen, bareUnseen } = await unseenPages(world, 100_000);
    const rounds: Rounds<string> = await alternate(world.scale.quick ? 5 : 15, {
      ...Object.fromEntries(work),
      oursUnseen: timed(calls / 2, oursUnseen),
      bareUnseen: timed(calls / 2, bareUnseen),
    });
    const of = (name: string): number[] => rounds[name] ?? [];
    const against = (what: string, ours: number[], bare: number[], goal: Figure["goal"]): Figure => ({
      what,
      unit: "ms",
      ours: median(ours),
      bare: median(bare),
      bareIs: "FETCH of the same facts",
      compared: { as: "difference", value: medianOf(ours, bare, difference) },
      goal,
    });
    return [
      ...sizes.map((size) => {
        const what = `list ${Math.min(page, size)} newest of ${inDigits(size)}, warm`;
        return against(what, of(`ours ${size}`), of(`bare ${size}`), { atMost: 1 });
      }),
      against(`list ${page} of ${inDigits(100_000)} that nobody has listed`, of("oursUnseen"), of("bareUnseen"), null),
      ...references
        .filter(({ large }) => sizes.includes(large))
        .map(({ large, small }) => growth({ large, small }, of(`ours ${large}`), of(`ours ${small}`))),
    ];
  },
};

/** How much dearer the same page is in the larger folder. */
function growth(sizes: { large: number; small: number }, ofLarge: number[], ofSmall: number[]): Figure {
  return {
    what: `list ${page} newest of ${inDigits(sizes.large)} over ${inDigits(sizes.small)}`,
    unit: "ms",
    ours: median(ofLarge),
    bare: median(ofSmall),
    bareIs: "Postern on the small folder",
    compared: { as: "ratio", value: medianOf(ofLarge, ofSmall, ratio) },
    goal: { atMost: 1.25 },
  };
}

type Listing = { ours: () => Promise<void>; bare: () => Promise<void> };

/** Both ways to list a folder's newest, warmed up. */
async function listingOf(world: World, size: number): Promise<Listing> {
  const mailbox = await world.filled(size);
  const client = await mailbox.openBare();
  const wanted = Math.min(page, size);
  const ours = async (): Promise<void> => {
    const { data } = (await world.api.call("GET", `${mailbox.path}/messages?limit=${page}`)) as { data: unknown[] };
    if (data.length !== wanted) throw new Error(`${data.length} messages were listed`);
  };
  const bare = async (): Promise<void> => {
    const messages = await client.fetchAll(`${size - wanted + 1}:${size}`, facts);
    if (messages.length !== wanted) throw new Error(`${messages.length} messages were fetched`);
  };
  for (let call = 0; call < 20; call++) {
    await ours();
    await bare();
  }
  return { ours, bare };
}

/** One page after the other, ours from the newest down, bare from the middle down, so that each is new to Dovecot too. */
async function unseenPages(world: World, size: number) {
  const mailbox = await world.filled(size);
  const client = await mailbox.openBare();
  let cursor = "";
  let top = size / 2;
  const oursUnseen = async (): Promise<void> => {
    const path = `${mailbox.path}/messages?limit=${page}${cursor}`;
    const { data, nextCursor } = (await world.api.call("GET", path)) as { data: unknown[]; nextCursor: string };
    if (data.length !== page) throw new Error(`${data.length} messages were listed`);
    cursor = `&cursor=${nextCursor}`;
  };
  const bareUnseen = async (): Promise<void> => {
    const messages = await client.fetchAll(`${top - page + 1}:${top}`, facts);
    if (messages.length !== page) throw new Error(`${messages.length} messages were fetched`);
    top -= page;
  };
  // Reading rows is code that warm listings do not warm up.
  for (let call = 0; call < 150; call++) {
    await oursUnseen();
    await bareUnseen();
  }
  return { oursUnseen, bareUnseen };
}
