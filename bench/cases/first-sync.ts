import { askBareImap } from "../frame/bare-imap.ts";
import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
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
  const { user, path } = await world.filled(size);
  await untilLookedAt(api, path);
  await api.call("DELETE", path);
  const before = memoryOf(postern.pid).now;
  forgetPeak(postern.pid);
  const rounds = await alternate(world.scale.quick ? 5 : 9, {
    async ours() {
      const account = await world.store({ email: user.username, incoming: imapOf(stack, user), verify: false });
      const start = performance.now();
      await untilLookedAt(api, account);
      const time = performance.now() - start;
      await api.call("DELETE", account);
      return time;
    },
    async bare() {
      const start = performance.now();
      await askBareImap(stack.dovecot, user, "FETCH 1:* (UID FLAGS)");
      return performance.now() - start;
    },
  });
  const { peak } = memoryOf(postern.pid);
  const what = `first look at ${inDigits(size)}, window of ${inDigits(window)}`;
  return [
    {
      what: `${what}: over twice the bare`,
      unit: "ms",
      ours: median(rounds.ours),
      bare: median(rounds.bare),
      bareIs: "TLS socket: login, SELECT, FETCH 1:* (UID FLAGS)",
      compared: { as: "difference", value: medianOf(rounds.ours, rounds.bare, (ours, bare) => ours - 2 * bare) },
      goal: { atMost: 1_000 },
    },
    {
      what: `${what}: peak RSS over before`,
      unit: "MB",
      ours: peak,
      bare: before,
      bareIs: "RSS before, with one such look behind it",
      compared: { as: "difference", value: peak - before },
      goal: null,
    },
  ];
}
