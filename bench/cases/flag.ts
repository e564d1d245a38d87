import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { alternate, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import { folderSizes, inDigits, newest } from "../frame/sizes.ts";
import type { World } from "../frame/world.ts";

/** A star set on one message after the other, and taken away again in the next pass, in folders of very different sizes. */
export const flag: Case = {
  name: "flag",
  async run(world) {
    const figures: Figure[] = [];
    for (const size of folderSizes(world)) figures.push(await flagIn(world, size));
    return figures;
  },
};

async function flagIn(world: World, size: number): Promise<Figure> {
  const { mailbox, messages } = await newest(world, size);
  const client = await mailbox.openBare();
  const nthOf = (nth: number) => messages[nth % messages.length] ?? { id: "", uid: 0 };
  const isOn = (nth: number): boolean => Math.floor(nth / messages.length) % 2 === 0;
  const ours = async (nth: number): Promise<void> => {
    const path = `${mailbox.path}/messages/${nthOf(nth).id}`;
    const body = await world.api.call("PATCH", path, { flags: { flagged: isOn(nth) } });
    if ((body as { flags: { flagged: boolean } }).flags.flagged !== isOn(nth)) throw new Error("the flag is not set");
  };
  const bare = async (nth: number): Promise<void> => {
    const uid = String(nthOf(nth).uid);
    const stored = isOn(nth)
      ? await client.messageFlagsAdd(uid, ["\\Flagged"], { uid: true })
      : await client.messageFlagsRemove(uid, ["\\Flagged"], { uid: true });
    if (!stored) throw new Error("the flag is not set");
  };
  const calls = 10 * messages.length; // an even number of passes, so that both sides always have something to change
  const rounds = await alternate(world.scale.quick ? 4 : 14, { ours: timed(calls, ours), bare: timed(calls, bare) });
  return {
    what: `flag one message of ${inDigits(size)}`,
    unit: "ms",
    ours: median(rounds.ours),
    bare: median(rounds.bare),
    bareIs: "messageFlagsAdd / Remove",
    compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
    goal: null,
  };
}
