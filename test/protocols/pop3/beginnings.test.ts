import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../../src/observe.ts";
import { makeMaildropBench, makeMessages, page } from "./maildrop-bench.ts";
import { type Answer, type Dialog, hurried, type Message, usualCapa } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

const textsIn = (told: ({ bytes: Uint8Array } | null)[]) =>
  told.map((one) => (one === null ? null : Buffer.from(one.bytes).toString().trim()));

/** A server that gives lines of bodies too; `change` says otherwise for some. */
function withBodies(messages: Message[], change: (line: string) => Answer | undefined = () => undefined): Dialog {
  const answer = (line: string): Answer | undefined => {
    const [, number, lines] = /^TOP (\d+) (\d+)$/.exec(line) ?? [];
    const raw = messages[Number(number) - 1]?.raw;
    return change(line) ?? (lines === "0" || raw === undefined ? undefined : `+OK\r\n${raw}.\r\n`);
  };
  return { messages, answers: { TOP: answer } };
}

test("beginnings are read by TOP, sent ahead, and nothing of them is kept", async () => {
  const { open, server, kept } = await bench.serve(withBodies(makeMessages(5)));
  const mailbox = await open();
  const { messages } = await mailbox.list("INBOX", page);
  const before = { heard: server.heard.length, put: kept.put.length };
  expect(textsIn(await mailbox.beginnings(messages, 6))).toEqual(["body 5", "body 4", "body 3", "body 2", "body 1"]);
  expect(server.heard.slice(before.heard).toSorted()).toEqual([1, 2, 3, 4, 5].map((number) => `TOP ${number} 50`));
  expect(kept.put.length).toBe(before.put);
  expect((await mailbox.list("INBOX", page)).messages).toHaveLength(5);
});

test("a server without TOP is asked for none, and the whole of no message is read for it", async () => {
  const capa = usualCapa.filter((name) => name !== "TOP");
  const { open, server } = await bench.serve({ messages: makeMessages(2), capa });
  const mailbox = await open();
  const { messages } = await mailbox.list("INBOX", page);
  const before = server.heard.length;
  expect(await mailbox.beginnings(messages, 100)).toEqual([null, null]);
  expect(server.heard.slice(before)).toEqual([]);
});

test("one that the server does not give is left out, and the others are told", async () => {
  const refused = (line: string) => (line === "TOP 2 50" ? "-ERR can't read it\r\n" : undefined);
  const { open } = await bench.serve(withBodies(makeMessages(3), refused));
  const mailbox = await open();
  const { messages } = await mailbox.list("INBOX", page);
  expect(textsIn(await mailbox.beginnings(messages, 100))).toEqual(["body 3", null, "body 1"]);
});

test("a server that counts no lines, and one that falls silent, are left; what was told until then stays", async () => {
  const endless = `+OK\r\nSubject: x\r\n\r\n${"x".repeat(70)}\r\n`.padEnd(6 * 1024 * 1024, `${"y".repeat(98)}\r\n`);
  for (const [answer, clock] of [
    [endless, systemClock],
    [{ say: "+OK\r\nSubject: x\r\n\r\nbo", after: "silence" }, hurried(50)],
  ] as const) {
    const change = (line: string) => (line === "TOP 1 50" ? answer : undefined);
    const { open } = await bench.serve(withBodies(makeMessages(2), change));
    const mailbox = await open(clock);
    const { messages } = await mailbox.list("INBOX", page);
    expect(textsIn(await mailbox.beginnings(messages, 100))).toEqual(["body 2", null]);
  }
});
