import type { ImapFlow } from "imapflow";

import { fillMaildir } from "../../test/servers/maildir.ts";
import { openBare } from "../frame/bare-imap.ts";
import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { alternate, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import { inDigits } from "../frame/sizes.ts";
import { imapOf, type World } from "../frame/world.ts";

const size = 100_000;
const folders = ["Archive", "Sent", "Work", "Travel", "Lists", "Bills", "School", "Music"];
const inEach = 5_000;

/** What is looked for: as a query of ours, and as the search that imapflow makes of it. */
const searches = [
  { name: "of one sender", query: "from=mueller", criteria: { from: "mueller" } },
  { name: "unread", query: "unseen=true", criteria: { seen: false } },
  {
    name: "by sender or subject",
    query: "q=from:mueller%20OR%20subject:report",
    criteria: { or: [{ from: "mueller" }, { subject: "report" }] },
  },
] as const;

/** The first page of what matches in a large folder, and in many folders at once, against the server's own bare searches. */
export const search: Case = {
  name: "search",
  async run(world) {
    return [...(await inOne(world)), ...(await inAll(world))];
  },
};

async function first(world: World, path: string): Promise<void> {
  const { data } = (await world.api.call("GET", path)) as { data: unknown[] };
  if (data.length === 0) throw new Error(`nothing was found by ${path}`);
}

/** Numbers alone: what an app would show of them is yet to be fetched. */
async function bareSearch(client: ImapFlow, criteria: object): Promise<void> {
  const found = await client.search(criteria, { uid: true });
  if (!found || found.length === 0) throw new Error("nothing was found bare");
}

async function inOne(world: World): Promise<Figure[]> {
  const mailbox = await world.filled(size);
  const client = await mailbox.openBare();
  const figures: Figure[] = [];
  for (const { name, query, criteria } of searches) {
    const ours = () => first(world, `${mailbox.path}/messages?${query}`);
    const bare = () => bareSearch(client, criteria);
    figures.push(await against(world, `first 50 ${name} in ${inDigits(size)}`, ours, bare, null));
  }
  return figures;
}

async function inAll(world: World): Promise<Figure[]> {
  const { stack } = world;
  const user = stack.dovecot.user();
  const inbox = stack.dovecot.maildir(user);
  fillMaildir(inbox, inEach, { to: user.username, seed: 11 });
  for (const [n, name] of folders.entries())
    fillMaildir(`${inbox}/.${name}`, inEach, { to: user.username, seed: 12 + n });
  const client = await openBare(stack.dovecot, user);
  const path = await world.store({ email: user.username, incoming: imapOf(stack, user), watch: { mode: "off" } });
  const all = (await client.list()).map((folder) => folder.path);
  const figures: Figure[] = [];
  for (const { name, query, criteria } of searches) {
    const ours = () => first(world, `${path}/messages?folder=all&${query}`);
    const bare = async () => {
      for (const folder of all) {
        await client.mailboxOpen(folder);
        await bareSearch(client, criteria).catch(() => {});
      }
    };
    const what = `first 50 ${name} in ${all.length} folders of ${inDigits(inEach)}`;
    figures.push(await against(world, what, ours, bare, { atMost: 1 }));
  }
  client.close();
  return figures;
}

async function against(
  world: World,
  what: string,
  ours: () => Promise<void>,
  bare: () => Promise<void>,
  goal: Figure["goal"],
): Promise<Figure> {
  // Dovecot keeps what it has read of headers from the first time on.
  for (let call = 0; call < 3; call += 1) {
    await ours();
    await bare();
  }
  const calls = world.scale.quick ? 5 : 10;
  const rounds = await alternate(world.scale.quick ? 5 : 9, { ours: timed(calls, ours), bare: timed(calls, bare) });
  return {
    what,
    unit: "ms",
    ours: median(rounds.ours),
    bare: median(rounds.bare),
    bareIs: "SELECT and UID SEARCH, unlisted",
    compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
    goal,
  };
}
