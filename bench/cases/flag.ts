import type { Case } from "../frame/case.ts";
import { alternate, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import { smallMessages } from "../frame/small-messages.ts";

/** A star set on one message after the other, and taken away again in the next pass. */
export const flag: Case = {
  name: "flag",
  async run(world) {
    const { mailbox, ids } = await smallMessages(world);
    const client = await mailbox.openBare();
    const isOn = (nth: number): boolean => Math.floor(nth / ids.length) % 2 === 0;
    const ours = async (nth: number): Promise<void> => {
      const path = `${mailbox.path}/messages/${ids[nth % ids.length]}`;
      const body = await world.api.call("PATCH", path, { flags: { flagged: isOn(nth) } });
      if ((body as { flags: { flagged: boolean } }).flags.flagged !== isOn(nth)) throw new Error("the flag is not set");
    };
    const bare = async (nth: number): Promise<void> => {
      const uid = String((nth % ids.length) + 1);
      const stored = isOn(nth)
        ? await client.messageFlagsAdd(uid, ["\\Flagged"], { uid: true })
        : await client.messageFlagsRemove(uid, ["\\Flagged"], { uid: true });
      if (!stored) throw new Error("the flag is not set");
    };
    const calls = 100; // a pass each, so that both sides always have something to change
    const rounds = await alternate(world.scale.quick ? 4 : 14, { ours: timed(calls, ours), bare: timed(calls, bare) });
    return [
      {
        what: "flag one message",
        unit: "ms",
        ours: median(rounds.ours),
        bare: median(rounds.bare),
        bareIs: "messageFlagsAdd / Remove",
        compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
        goal: null,
      },
    ];
  },
};
