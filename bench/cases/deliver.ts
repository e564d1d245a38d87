import { createTransport } from "nodemailer";

import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { letter, type Outbox, rateOf, withOutbox } from "../frame/outbox.ts";
import { alternate, median, medianOf, ratio } from "../frame/rounds.ts";

const many = 8;

/** From the first POST until the last message is at the sink, on one account and on several. */
export const deliver: Case = {
  name: "deliver",
  run: (world) =>
    withOutbox(world, many, async (outbox) => {
      const messages = world.scale.quick ? 500 : 2_000;
      const ours = (accounts: number) => async (): Promise<number> =>
        rateOf(messages, async () => {
          await outbox.submit(messages, accounts);
          await outbox.sink.received(messages);
        });
      const one = bareSender(outbox, world.stack.certificates.ca, 1);
      const several = bareSender(outbox, world.stack.certificates.ca, many);
      const bare = (send: typeof one) => async (): Promise<number> => rateOf(messages, () => send.all(messages));
      await ours(many)();
      await several.all(messages);
      const rounds = await alternate(world.scale.quick ? 3 : 5, {
        one: ours(1),
        bareOne: bare(one),
        several: ours(many),
        bareSeveral: bare(several),
      });
      one.close();
      several.close();
      const delivered = (accounts: number, rate: number[], bareRate: number[]): Figure => ({
        what: `delivered to a sink, ${accounts === 1 ? "1 account" : `${accounts} accounts`}`,
        unit: "/s",
        ours: median(rate),
        bare: median(bareRate),
        bareIs: `nodemailer, pool of ${accounts}`,
        compared: { as: "ratio", value: medianOf(rate, bareRate, ratio) },
        goal: { atLeast: 0.85 },
      });
      return [delivered(1, rounds.one, rounds.bareOne), delivered(many, rounds.several, rounds.bareSeveral)];
    }),
};

/** nodemailer's own pool, straight to the sink. */
function bareSender({ sink, auth }: Outbox, ca: string, connections: number) {
  const transport = createTransport({
    pool: true,
    host: sink.host,
    port: sink.port,
    secure: true,
    maxConnections: connections,
    maxMessages: Infinity,
    auth: { user: auth.username, pass: auth.password },
    tls: { ca },
  });
  const { to, subject, text } = letter;
  const mail = { from: "ann@postern.test", to: { name: to.name, address: to.email }, subject, text };
  return {
    async all(messages: number): Promise<void> {
      await Promise.all(Array.from({ length: messages }, () => transport.sendMail(mail)));
      await sink.received(messages);
    },
    close: () => transport.close(),
  };
}
