import type { Case } from "../frame/case.ts";
import { attachmentPath, largeMessage } from "../frame/large-message.ts";
import { alternate, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import { message } from "../frame/small-messages.ts";

const mega = 1e6;
const size = 60 * mega;
const others = 50;

/** A listing while somebody else has begun a large download of the same account and reads no further. */
export const beside: Case = {
  name: "beside",
  async run(world) {
    const small = Array.from({ length: others }, (_, number) => [message(number)]);
    const mailbox = await world.holding([...small, largeMessage(size)]);
    const download = await attachmentPath(world.api, mailbox.path);
    const list = async (): Promise<void> => {
      const { data } = (await world.api.call("GET", `${mailbox.path}/messages?limit=50`)) as { data: unknown[] };
      if (data.length !== 50) throw new Error(`${data.length} messages were listed`);
    };
    const calls = world.scale.quick ? 30 : 60;
    const lists = timed(calls, list);
    for (let call = 0; call < 50; call++) await list();
    const rounds = await alternate(world.scale.quick ? 5 : 15, {
      alone: lists,
      async beside() {
        const giveUp = await world.api.stall(download);
        await list(); // opens the session that the download has not
        const time = await lists();
        giveUp();
        return time;
      },
    });
    return [
      {
        what: `list 50 beside a paused download of ${size / mega} MB`,
        unit: "ms",
        ours: median(rounds.beside),
        bare: median(rounds.alone),
        bareIs: "Postern without the download",
        compared: { as: "ratio", value: medianOf(rounds.beside, rounds.alone, ratio) },
        goal: null,
      },
    ];
  },
};
