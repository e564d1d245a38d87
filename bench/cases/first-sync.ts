import { askBareImap } from "../frame/bare-imap.ts";
import type { Case } from "../frame/case.ts";
import { type Figure, peakFigure } from "../frame/figure.ts";
import { forgetPeak, memoryOf } from "../frame/postern.ts";
import { alternate, median, medianOf } from "../frame/rounds.ts";
import { inDigits } from "../frame/sizes.ts";
import { untilLookedAt } from "../frame/watching.ts";
import { imapOf, type World } from "../frame/world.ts";

const size = 100_000;

/** The first look at a large folder: from the answer to whoever stored the account until its status tells of it. */
export const firstSync: Case = {
  name: "first-sync",
  async run(world) {
    const figures: Figure[] = [];
    for (const window of [10_000, size]) {
      const other = await world.another({ POSTERN_WATCH_WINDOW: String(window) });
      try {
        figures.push(...(await measure(other, window)));
      } finally {
        await other.stop();
      }
    }
    return figures;
  },
};

async function measure(world: World, window: number): Promise<Figure[]> {
  const { api, stack, postern } = world;
  const mailbox = await world.filled(size);
  const { user, path } = mailbox;
  await untilLookedAt(api, path);
  await api.call("DELETE", path);
  const before = memoryOf(postern.pid).now;
  forgetPeak(postern.pid);
  const rounds = await alternate(world.scale.quick ? 5 : 9, {
    async ours() {
      const account = await world.store({ email: user.username, incoming: imapOf(stack, user), verify: false });
      const time = await timeOf(() => untilLookedAt(api, account));
      await api.call("DELETE", account);
      return time;
    },
    socket: () => timeOf(() => askBareImap(stack.dovecot, user, "FETCH 1:* (UID FLAGS)")),
    imapflow: () =>
      timeOf(async () => {
        const client = await mailbox.openBare();
        let seen = 0;
        for await (const { flags } of client.fetch("1:*", { uid: true, flags: true }))
          if (flags !== undefined) seen += 1;
        client.close();
        if (seen !== size) throw new Error(`${seen} messages were fetched`);
      }),
  });
  const { peak } = memoryOf(postern.pid);
  const what = `first look at ${inDigits(size)}, window of ${inDigits(window)}`;
  const against = (bare: number[], bareIs: string): Figure => ({
    what: `${what}: over twice the bare`,
    unit: "ms",
    ours: median(rounds.ours),
    bare: median(bare),
    bareIs,
    compared: { as: "difference", value: medianOf(rounds.ours, bare, (ours, raw) => ours - 2 * raw) },
    goal: { atMost: 1_000 },
  });
  return [
    against(rounds.imapflow, "imapflow: login, flags of all"),
    against(rounds.socket, "TLS socket: login, flags of all, unparsed"),
    peakFigure(what, { peak, before, beforeIs: "RSS after one such look" }, null),
  ];
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
