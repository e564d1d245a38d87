import { simpleParser } from "mailparser";

import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { alternate, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import { smallMessages } from "../frame/small-messages.ts";

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
    return [
      beside(rounds.source, "fetchOne of the source, unparsed", { atMost: 1.5 }),
      beside(rounds.parsed, "the same + mailparser", null),
    ];
  },
};
