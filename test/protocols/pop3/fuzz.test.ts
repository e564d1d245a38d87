import { expect, test } from "vitest";
import type { Connection } from "../../../src/net/connection.ts";
import { openPop3 } from "../../../src/protocols/pop3/open-pop3.ts";
import { randomFrom } from "../../mime/random.ts";
import { collect } from "../failure-of.ts";
import { type Dialog, makeScript, target, usualCapa } from "./scripted-pop3.ts";

type Random = () => number;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** A server without a network: what it says comes in pieces of random lengths, often of one octet. */
function pieces(dialog: Dialog, random: Random): Connection {
  const script = makeScript(dialog);
  const queue: Uint8Array[] = [];
  let wake = (): void => {};
  const say = (line: string): void => {
    const answer = script(line);
    const octets = Buffer.from(typeof answer === "string" ? answer : (answer.say ?? ""), "latin1");
    for (let at = 0; at < octets.length;) {
      const length = 1 + below(random, random() < 0.5 ? 3 : 200);
      queue.push(Uint8Array.from(octets.subarray(at, at + length)));
      at += length;
    }
    wake();
  };
  say("greeting");
  return {
    unread: 0,
    lost: false,
    async read() {
      while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      // Some of what waits comes as one.
      const octets = Buffer.concat(queue.splice(0, 1 + below(random, 4)));
      return Uint8Array.from(octets);
    },
    async write(octets) {
      const lines = Buffer.from(octets).toString("utf8").split("\r\n");
      for (const line of lines.slice(0, -1)) say(line);
    },
    startTls: () => Promise.reject(new Error("there is no TLS")),
    destroy() {},
  };
}

const alphabet = ["\r\n", "\r\n", ".", ".", "\r\n.", "\r", "\n", "\0", "\xff", "a", "Subject: x\r\n", "\r\n.\r\n"];

function randomMail(random: Random): string {
  const raw = Array.from({ length: below(random, 60) }, () => alphabet[below(random, alphabet.length)]).join("");
  return raw === "" || raw.endsWith("\r\n") ? raw : `${raw}\r\n`;
}

test("2,000 random sessions in random pieces: every octet of every message, and every answer in its place", async () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = randomFrom(seed);
    const messages = Array.from({ length: 1 + below(random, 5) }, (_, index) => ({
      uid: `u${index}`,
      raw: randomMail(random),
    }));
    const capa = random() < 0.5 ? usualCapa : usualCapa.slice(0, 4);
    const answers = { TOP: (line: string) => `+OK\r\nHeader: of ${line}\r\n\r\n.\r\n` };
    const connection = pieces({ messages, capa, answers }, random);
    const session = await openPop3(target(0, {}, undefined, () => Promise.resolve(connection)));
    const numbers = messages.map((_, index) => index + 1);

    const found = await Promise.all(numbers.map(async (number) => collect(await session.retr(number))));
    expect([seed, found.map((octets) => octets.toString("latin1"))]).toEqual([seed, messages.map(({ raw }) => raw)]);
    const headers: string[] = [];
    for await (const { header } of session.top(numbers)) headers.push(Buffer.from(header ?? []).toString("latin1"));
    expect([seed, headers]).toEqual([seed, numbers.map((number) => `Header: of TOP ${number} 0\r\n\r\n`)]);
    expect([seed, [...((await session.uidl()) ?? [])]]).toEqual([seed, messages.map(({ uid }, n) => [n + 1, uid])]);
    // One that is left somewhere in between spoils none that follows.
    for await (const _ of await session.retr(1)) break;
    expect([seed, await session.remove(numbers)]).toEqual([seed, { missing: [] }]);
  }
}, 60_000);
