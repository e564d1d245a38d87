import { askBare, pop3Of } from "../frame/bare-pop3.ts";
import type { Case } from "../frame/case.ts";
import { type Figure, peakFigure } from "../frame/figure.ts";
import { largeMessage } from "../frame/large-message.ts";
import { forgetPeak, memoryOf } from "../frame/postern.ts";
import { alternate, median, medianOf, ratio, timed } from "../frame/rounds.ts";
import { inDigits } from "../frame/sizes.ts";
import type { World } from "../frame/world.ts";

const mega = 1e6;
const page = 50;
const count = 10_000;
/** Decoded; what makes it 50 MB as a message. */
const attached = 36 * mega;

/** A maildrop over POP3S: a large message down, and the second listing of a full one. */
export const maildrop: Case = {
  name: "maildrop",
  run: async (world) => [...(await rawDown(world)), await secondListing(world)],
};

async function rawDown(world: World): Promise<Figure[]> {
  const { api, stack, postern } = world;
  const { user } = await world.holding([largeMessage(attached)]);
  const account = await world.store({ email: user.username, incoming: pop3Of(stack, user) });
  const { data } = (await api.call("GET", `${account}/messages`)) as { data: { id: string; size: number }[] };
  const path = `${account}/messages/${data[0]?.id}/raw`;
  const size = data[0]?.size ?? 0;
  await askBare(stack, user, "RETR 1"); // the file is in memory now

  const before = memoryOf(postern.pid).now;
  forgetPeak(postern.pid);
  const speed = (download: () => Promise<number>) => async (): Promise<number> => {
    const start = performance.now();
    const octets = await download();
    if (octets < size) throw new Error(`${octets} of ${size} octets came`);
    return size / mega / ((performance.now() - start) / 1000);
  };
  const rounds = await alternate(world.scale.quick ? 7 : 15, {
    ours: speed(() => api.drain(path)),
    bare: speed(() => askBare(stack, user, "RETR 1")),
  });
  const { peak } = memoryOf(postern.pid);
  const what = `message of ${Math.round(size / mega)} MB down by POP3S`;
  return [
    {
      what,
      unit: "MB/s",
      ours: median(rounds.ours),
      bare: median(rounds.bare),
      bareIs: "TLS socket: login, RETR",
      compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
      goal: { atLeast: 0.8 },
    },
    peakFigure(what, { peak, before, beforeIs: "RSS before" }, { atMost: 32 }),
  ];
}

async function secondListing(world: World): Promise<Figure> {
  const { api, stack } = world;
  const { user } = await world.filled(count);
  const account = await world.store({ email: user.username, incoming: pop3Of(stack, user) });
  const ours = async (): Promise<void> => {
    const { data } = (await api.call("GET", `${account}/messages?limit=${page}`)) as { data: unknown[] };
    if (data.length !== page) throw new Error(`${data.length} messages were listed`);
  };
  const bare = (): Promise<number> => askBare(stack, user, "UIDL");
  for (let call = 0; call < 20; call++) {
    await ours(); // the first one reads the headers
    await bare();
  }
  const calls = world.scale.quick ? 10 : 20;
  const rounds = await alternate(world.scale.quick ? 5 : 15, { ours: timed(calls, ours), bare: timed(calls, bare) });
  return {
    what: `list ${page} newest of ${inDigits(count)} by POP3S, once more`,
    unit: "ms",
    ours: median(rounds.ours),
    bare: median(rounds.bare),
    bareIs: "TLS socket: login, UIDL",
    compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
    goal: { atMost: 2 },
  };
}
