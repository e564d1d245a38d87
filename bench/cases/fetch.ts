import { simpleParser } from "mailparser";

import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { alternate, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import { folderSizes, inDigits, newest } from "../frame/sizes.ts";
import { smallMessages } from "../frame/small-messages.ts";
import type { World } from "../frame/world.ts";

/** One parsed message after the other, in a mailbox that is open. */
export const fetchOne: Case = {
  name: "fetch",
  async run(world) {
    const { mailbox, ids } = await smallMessages(world);
    const client = await mailbox.openBare();
    const ours = async (nth: number): Promise<void> => {
      const body = await world.api.call("GET", `${mailbox.path}/messages/${ids[nth % ids.length]}`);
      if ((body as { text: string }).text.length < 9_000) throw new Error("the text is not whole");
    };
    const source = async (nth: number): Promise<Buffer> => {
      const message = await client.fetchOne(String((nth % ids.length) + 1), { source: true }, { uid: true });
      if (message === false || message.source === undefined) throw new Error("the message was not fetched");
      return message.source;
    };
    const parsed = async (nth: number): Promise<void> => {
      const { text = "" } = await simpleParser(await source(nth), { skipTextToHtml: true });
      if (text.length < 9_000) throw new Error("the text is not whole");
    };
    for (let call = 0; call < 200; call++) {
      await ours(call);
      await parsed(call);
    }
    const calls = 100;
    const rounds = await alternate(world.scale.quick ? 5 : 15, {
      ours: timed(calls, ours),
      source: timed(calls, source),
      parsed: timed(calls, parsed),
    });
    const beside = (bare: number[], bareIs: string, goal: Figure["goal"]): Figure => ({
      what: "fetch one 10 kB message, warm",
      unit: "ms",
      ours: median(rounds.ours),
      bare: median(bare),
      bareIs,
      compared: { as: "ratio", value: medianOf(rounds.ours, bare, ratio) },
      goal,
    });
    const figures = [
      beside(rounds.source, "fetchOne of the source, unparsed", { atMost: 1.5 }),
      beside(rounds.parsed, "the same + mailparser", null),
    ];
    for (const size of folderSizes(world)) figures.push(await fetchIn(world, size));
    return figures;
  },
};

/** The newest messages of a filled folder, one after the other. */
async function fetchIn(world: World, size: number): Promise<Figure> {
  const { mailbox, messages } = await newest(world, size);
  const client = await mailbox.openBare();
  const nthOf = (nth: number) => messages[nth % messages.length] ?? { id: "", uid: 0 };
  const ours = (nth: number): Promise<unknown> => world.api.call("GET", `${mailbox.path}/messages/${nthOf(nth).id}`);
  const bare = async (nth: number): Promise<void> => {
    const message = await client.fetchOne(String(nthOf(nth).uid), { source: true }, { uid: true });
    if (message === false) throw new Error("the message was not fetched");
  };
  for (let call = 0; call < 50; call++) {
    await ours(call);
    await bare(call);
  }
  const rounds = await alternate(world.scale.quick ? 5 : 15, { ours: timed(50, ours), bare: timed(50, bare) });
  return {
    what: `fetch one message of ${inDigits(size)}, warm`,
    unit: "ms",
    ours: median(rounds.ours),
    bare: median(rounds.bare),
    bareIs: "fetchOne of the source, unparsed",
    compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
    goal: null,
  };
}
