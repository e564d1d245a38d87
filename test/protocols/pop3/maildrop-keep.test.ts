import { afterEach, describe, expect, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { MaildropWatching } from "../../../src/mail/watch.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { systemClock } from "../../../src/observe.ts";
import { failureOf } from "../failure-of.ts";
import { makeMaildropBench, makeMessages, placeOf } from "./maildrop-bench.ts";
import { usualCapa } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

type Some = Parameters<MaildropWatching["keepHeaders"]>[0];

async function keep(mailbox: Mailbox<MaildropPlace>, some: Partial<Some> = {}) {
  const { watching } = mailbox;
  if (watching.kind !== "maildrop") throw new Error("this is no maildrop");
  return watching.keepHeaders({ most: 100, goOn: () => true, ...some });
}

const commands = (lines: string[], word: string): string[] => lines.filter((line) => line.startsWith(`${word} `));
const uids = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => `uidl:u${from - index}`);

describe("keeping headers ahead", () => {
  test("reads some at a time, the newest first, until all are kept; then a search reads none", async () => {
    const { asked, open, kept } = await bench.serve({ messages: makeMessages(250) });
    expect(await keep(await open())).toEqual({ known: 100, of: 250 });
    expect(kept.put).toEqual(uids(250, 151));
    expect(await keep(await open())).toEqual({ known: 200, of: 250 });
    expect(await keep(await open())).toEqual({ known: 250, of: 250 });
    expect(kept.put).toEqual(uids(250, 1));
    expect(await asked(keep)).toEqual(["UIDL"]);
    const lines = await asked(async (mailbox) => {
      const wanted = {
        expression: { op: "subject", value: "e 7" },
        count: true,
        until: systemClock.now() + 9_000,
      } as const;
      const { messages, answer } = await mailbox.search("INBOX", { limit: 50, after: null }, wanted);
      expect([messages.length, answer.total, answer.coverage]).toEqual([11, 11, undefined]);
    });
    expect(lines).toEqual(["UIDL"]);
  });

  test("ends as soon as it is not to go on, with what was read kept", async () => {
    const { open, kept } = await bench.serve({ messages: makeMessages(250) });
    let asks = 0;
    expect(await keep(await open(), { goOn: () => ++asks <= 3 })).toEqual({ known: 51, of: 250 });
    expect(kept.put).toHaveLength(51);
    const mailbox = await open();
    expect(await keep(mailbox, { goOn: () => false })).toEqual({ known: 51, of: 250 });
    expect(mailbox.dead).toBe(false);
  });

  test("reads what has come, and forgets what is gone to make room", async () => {
    const messages = makeMessages(5);
    const { asked, kept } = await bench.serve({ messages });
    await asked(keep);
    messages.splice(1, 1);
    messages.push(...makeMessages(6).slice(5));
    expect(commands(await asked(keep), "TOP")).toEqual(["TOP 5 0"]);
    expect(await kept.headers.keys()).toEqual(new Set([1, 3, 4, 5, 6].map((number) => `uidl:u${number}`)));
  });

  test.for([
    ["says that it has no TOP", ["USER", "UIDL"], 0],
    ["announces TOP and refuses it", usualCapa, 1],
    ["says nothing and has no TOP", null, 1],
  ] as [string, string[] | null, number][])("of a server that %s reads one message at most", async ([, capa, most]) => {
    const { asked } = await bench.serve({
      messages: makeMessages(30),
      capa,
      answers: { TOP: "-ERR unknown command\r\n" },
    });
    const lines = await asked(keep);
    expect(commands(lines, "TOP").length).toBeLessThanOrEqual(1);
    expect(commands(lines, "RETR")).toHaveLength(most);
  });

  test("keeps nothing where the server gives no unique-ids, and asks for no header", async () => {
    const { asked } = await bench.serve({
      messages: makeMessages(30),
      capa: ["USER", "TOP"],
      answers: { UIDL: "-ERR\r\n" },
    });
    let told: unknown = null;
    const lines = await asked(async (mailbox) => (told = await keep(mailbox)));
    expect(commands(lines, "TOP")).toEqual([]);
    expect(told).toEqual({ known: 0, of: 0 });
  });

  test("asks once only for what can't be read or kept; who lists it is told it all the same", async () => {
    let isPoisoned = true;
    const poison = (line: string) =>
      isPoisoned && / 2\b/.test(line) ? "-ERR cannot read message file\r\n" : undefined;
    const to = Array.from({ length: 1000 }, (_, index) => ` person-${index}@somewhere.test`).join(",\r\n");
    const messages = makeMessages(4, (number) => (number === 3 ? [`To:${to}`] : []));
    const { asked, open } = await bench.serve({ messages, answers: { TOP: poison, RETR: poison } });
    expect(commands(await asked(keep), "TOP")).toHaveLength(4);
    expect(commands(await asked(keep), "TOP")).toHaveLength(0);
    isPoisoned = false;
    const found = async (op: "to" | "subject", value: string) => {
      const wanted = { expression: { op, value }, count: false, until: systemClock.now() + 9_000 } as const;
      return (await (await open()).search("INBOX", { limit: 50, after: null }, wanted)).messages.map(
        ({ place }) => place,
      );
    };
    expect(await found("to", "person-999@")).toEqual([placeOf("u3")]);
    expect(await found("subject", "message 2")).toEqual([placeOf("u2")]);
    const { messages: listed } = await (await open()).list("INBOX", { limit: 50, after: null });
    expect(listed.map(({ envelope }) => envelope.subject)).toEqual([4, 3, 2, 1].map((number) => `message ${number}`));
    expect(listed[1]?.envelope.to).toHaveLength(1000);
    expect(listed.map(({ size }) => size)).toEqual(messages.map(({ raw }) => raw.length).toReversed());
  });

  test("fails as the line does, and what was read before stays", async () => {
    const TOP = (_: string, nth: number) => (nth >= 40 ? ({ after: "reset" } as const) : undefined);
    const { open, kept } = await bench.serve({ messages: makeMessages(60), answers: { TOP } });
    expect((await failureOf(keep(await open()))).code).toBe("upstream-unreachable");
    expect(kept.put.length).toBeGreaterThanOrEqual(26);
  });
});
