import { afterEach, describe, expect, test } from "vitest";
import { asStored } from "../../../src/protocols/pop3/as-stored.ts";
import { collect, failureOf } from "../failure-of.ts";
import { makeMaildropBench, placeOf } from "./maildrop-bench.ts";
import { multiLine } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

const text = async (stream: AsyncIterable<Uint8Array>): Promise<string> => (await collect(stream)).toString("latin1");

async function* inPieces(octets: string, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets.length; at += length) yield Buffer.from(octets.slice(at, at + length), "latin1");
}

describe("a message's octets", () => {
  test.for([
    ["that does not end with a line end", "Subject: a\r\n\r\nno end", "\r\n", 0],
    ["that is empty", "", "\r\n", 0],
    ["that ends with a CR", "Subject: a\r\n\r\nx\r", "\r\n", 0],
    ["that is counted wrongly by 1", "Subject: a\r\n\r\nx\r\n", "", -1],
    ["that is counted wrongly by its line ends", "Subject: a\r\n\r\nx\r\n", "", -3],
    ["that is said to be larger", "Subject: a\r\n\r\nx\r\n", "", 20],
    ["that is said to be empty", "Subject: a\r\n\r\nx\r\n", "", -17],
  ] as const)("are as stored, of a message %s, however they come", async ([, stored, added, wrongly]) => {
    for (const length of [1, 2, 3, 5, 1000]) {
      const counted = { size: stored.length + wrongly, host: "localhost", countsRight: async () => true };
      const pieces = inPieces(`${stored}${added}`, length);
      expect([length, await text(asStored(pieces, counted))]).toEqual([length, stored]);
    }
  });

  test("lose no line end that may be the message's own, where the server is not shown to count right", async () => {
    for (const length of [1, 2, 3, 5, 1000]) {
      const counted = { size: 14, host: "localhost", countsRight: async () => false };
      expect(await text(asStored(inPieces("Subject: a\r\n\r\n\r\n", length), counted))).toBe("Subject: a\r\n\r\n\r\n");
    }
  });

  /** What comes of the second of these messages, which LIST tells these sizes of; and what was asked for it. */
  async function counted(raws: string[], sizeOf: (raw: string) => number) {
    const sizes = raws.map((raw, index) => `${index + 1} ${sizeOf(raw)}\r\n`);
    const LIST = (line: string): string =>
      line === "LIST" ? multiLine(sizes.join("")) : `+OK ${sizes[Number(line.slice(5)) - 1] ?? ""}`;
    const messages = raws.map((raw, index) => ({ uid: `u${index + 1}`, raw }));
    const { asked } = await bench.serve({ messages, answers: { LIST } });
    let octets = "";
    const lines = await asked(async (mailbox) => {
      octets = await text((await mailbox.openRaw(placeOf("u2"))).stream);
      expect(mailbox.dead).toBe(false);
    });
    return { octets, lines: lines.slice(1) };
  }
  const right = "Subject: a\r\n\r\nx\r\n";
  const endless = "Subject: b\r\n\r\nno end";
  const large = `Subject: c\r\n\r\n${"x".repeat(80)}\r\n`;

  test("are shown to be counted right by another message, the smallest first", async () => {
    expect(await counted([large, endless, right], (raw) => raw.length)).toEqual({
      octets: endless,
      lines: ["LIST 2", "RETR 2", "LIST", "RETR 3"],
    });
    // The first one tells nothing: it has no line end at its end either.
    expect(await counted(["x", endless, right], (raw) => raw.length)).toEqual({
      octets: endless,
      lines: ["LIST 2", "RETR 2", "LIST", "RETR 1", "RETR 3"],
    });
  });

  test.for([
    ["leaves two octets out of each", (raw: string) => raw.length - 2, [large, right, right]],
    ["counts line ends as one", (raw: string) => raw.replaceAll("\r\n", "\n").length, [large, "a: b\r\n\r\n", right]],
    ["has no other message to show it by", (raw: string) => Math.max(0, raw.length - 2), ["", right]],
    [
      "has only large ones",
      (raw: string) => (raw.length > 999 ? raw.length : raw.length - 2),
      ["x".repeat(70_000), right],
    ],
  ] as const)("are all there on a server that %s", async ([, sizeOf, raws]) => {
    expect((await counted([...raws], sizeOf)).octets).toBe(raws[1]);
  });

  test("of a message without a line end have the one that RETR adds where nothing shows it for that", async () => {
    expect((await counted(["", endless], (raw) => raw.length)).octets).toBe(`${endless}\r\n`);
  });

  test("are all there when there is nothing to count by that can be read, and fail when the line is lost", async () => {
    for (const [command, answer, expected] of [
      ["RETR 1", "-ERR cannot read message file\r\n", `${endless}\r\n`],
      ["LIST 1", "-ERR no\r\n", `${endless}\r\n`],
      ["RETR 1", { say: "+OK\r\nSub", after: "close" }, "upstream-unreachable"],
    ] as const) {
      const asked = (line: string) => (line === command ? answer : undefined);
      const messages = [
        { uid: "u1", raw: right },
        { uid: "u2", raw: endless },
      ];
      const { open } = await bench.serve({ messages, answers: { RETR: asked, LIST: asked } });
      const { stream } = await (await open()).openRaw(placeOf("u2"));
      const octets = typeof answer === "string" ? await text(stream) : (await failureOf(collect(stream))).code;
      expect(octets).toBe(expected);
    }
  });
});
