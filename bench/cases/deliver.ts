import { createTransport } from "nodemailer";

import type { Case } from "../frame/case.ts";
import { type Figure, plainFigure } from "../frame/figure.ts";
import { deliveryRate, letter, type Outbox, rateOf, withOutbox } from "../frame/outbox.ts";
import { alternate, median, medianOf, ratio } from "../frame/rounds.ts";

const many = 8;
/** What Postern may open for an account; nodemailer gets as many. */
const connectionsOfEach = 3;

/**
 * Messages that were accepted before become due all at once: from then until the last is at the sink, on one account and on several. Beside it
 * nodemailer's pools, with as many logins and connections. Besides, from the first POST until the last delivery.
 */
export const deliver: Case = {
  name: "deliver",
  run: (world) =>
    withOutbox(world, many, async (outbox) => {
      const messages = world.scale.quick ? 2_000 : 4_000;
      const rounds = world.scale.quick ? 3 : 5;
      const ours = (accounts: number) => () => deliveryRate(outbox, messages, accounts);
      const both = (accounts: number) => () =>
        rateOf(messages, async () => {
          await outbox.submit(messages, accounts);
          await outbox.sink.received(messages);
        });
      const one = bareSender(outbox, world.stack.certificates.ca, 1);
      const several = bareSender(outbox, world.stack.certificates.ca, many);
      const bare = (sender: typeof one, how: "build" | "raw") => () =>
        rateOf(messages, () => sender.all(messages, how));
      await both(many)();
      await several.all(messages, "build");
      const measured = await alternate(rounds, {
        one: ours(1),
        builtOne: bare(one, "build"),
        rawOne: bare(one, "raw"),
        several: ours(many),
        builtSeveral: bare(several, "build"),
        rawSeveral: bare(several, "raw"),
        wholeOne: both(1),
        wholeSeveral: both(many),
      });
      one.close();
      several.close();

      const delivered = (
        accounts: number,
        rate: number[],
        bareRate: number[],
        how: string,
        isGoal: boolean,
      ): Figure => ({
        what: `delivered to a sink, due at once, ${inWords(accounts)}`,
        unit: "/s",
        ours: median(rate),
        bare: median(bareRate),
        bareIs: `nodemailer, ${accounts * connectionsOfEach} connections, ${how}`,
        compared: { as: "ratio", value: medianOf(rate, bareRate, ratio) },
        goal: isGoal ? { atLeast: 0.85 } : null,
      });
      const whole = (accounts: number, rate: number[]): Figure =>
        plainFigure(`accepted and delivered to a sink, ${inWords(accounts)}`, "/s", median(rate), null);
      return [
        delivered(1, measured.one, measured.builtOne, "builds each message", true),
        delivered(1, measured.one, measured.rawOne, "message built before", false),
        delivered(many, measured.several, measured.builtSeveral, "builds each message", true),
        delivered(many, measured.several, measured.rawSeveral, "message built before", false),
        whole(1, measured.wholeOne),
        whole(many, measured.wholeSeveral),
      ];
    }),
};

const inWords = (accounts: number): string => (accounts === 1 ? "1 account" : `${accounts} accounts`);

/** nodemailer's own pools, one for each account, straight to the sink. */
function bareSender({ sink, auth }: Outbox, ca: string, accounts: number) {
  const pools = Array.from({ length: accounts }, () =>
    createTransport({
      pool: true,
      host: sink.host,
      port: sink.port,
      secure: true,
      maxConnections: connectionsOfEach,
      maxMessages: Infinity,
      auth: { user: auth.username, pass: auth.password },
      tls: { ca },
    }),
  );
  const { to, subject, text } = letter;
  const from = "ann@postern.test";
  const mail = { from, to: { name: to.name, address: to.email }, subject, text };
  const raw = `From: ${from}\r\nTo: ${to.name} <${to.email}>\r\nSubject: ${subject}\r\n\r\n${text.replaceAll("\n", "\r\n")}`;
  const built = { envelope: { from, to: to.email }, raw };
  return {
    async all(messages: number, how: "build" | "raw"): Promise<void> {
      const one = how === "raw" ? built : mail;
      const sending = pools.flatMap((pool, nth) =>
        Array.from({ length: Math.ceil((messages - nth) / accounts) }, () => pool.sendMail(one)),
      );
      await Promise.all(sending);
      await sink.received(messages);
    },
    close: () => pools.forEach((pool) => pool.close()),
  };
}
