import { describe, expect, test } from "vitest";
import { createUnstuffer } from "../../../src/protocols/pop3/unstuff.ts";
import { randomFrom } from "../../mime/random.ts";
import { multiLine } from "./scripted-pop3.ts";

/** What comes out of an answer's content, fed in the pieces that `cuts` make, with `after` behind its end. */
function unstuffed(stuffed: Buffer, cuts: number[], after = ""): { octets: string; rest: string | null } {
  const whole = Buffer.concat([stuffed, Buffer.from(after, "latin1")]);
  const unstuff = createUnstuffer();
  const edges = [0, ...cuts, whole.length];
  let octets = "";
  for (let index = 1; index < edges.length; index++) {
    const end = edges[index] ?? 0;
    const out = unstuff(Uint8Array.from(whole.subarray(edges[index - 1], end)));
    octets += Buffer.from(out.octets).toString("latin1");
    if (out.rest) return { octets, rest: Buffer.from(out.rest).toString("latin1") + whole.toString("latin1", end) };
  }
  return { octets, rest: null };
}

/** A message's content as it goes over the wire, after the status line. */
const stuff = (content: string): Buffer => Buffer.from(multiLine(content, "").slice(2), "latin1");

const contents = {
  "nothing at all": "",
  "one empty line": "\r\n",
  "lone dots": ".\r\n..\r\n...\r\n.\r\n",
  "lines that begin with dots": ".a\r\n..b\r\n.\r\n\r\n.\r\n",
  "bare LF before a dot": "a\n.\nb\n..\n.\r\n",
  "bare CR before a dot": "a\r.\rb\r.\r\r\n",
  "CR CR LF and LF CR": "a\r\r\n.\n\r.\r\n",
  "a dot and a CR that are no end": ".\rx\r\n.\r\r\n",
  "NUL and eight bits": "\0\r\n.\0\xff\xfe\r\n\x80.\r\n",
  "CRLF CRLF at the end": "text\r\n\r\n\r\n",
};

describe("the stuffing", () => {
  test.for(Object.entries(contents))("%s comes off wherever the packets are cut", ([, content]) => {
    const stuffed = stuff(content);
    const length = stuffed.length;
    const expected = { octets: content, rest: "+OK next\r\n" };
    for (let first = 0; first <= length; first++) {
      for (let second = first; second <= length; second++) {
        expect(unstuffed(stuffed, [first, second], "+OK next\r\n")).toEqual(expected);
      }
    }
    const each = Array.from({ length: length - 1 }, (_, index) => index + 1);
    expect(unstuffed(stuffed, each, "+OK next\r\n")).toEqual(expected);
  });

  test("a dot that the server forgot to double is taken off all the same (RFC 1939 §3)", () => {
    for (const line of ["x\r\n", "\rx\r\n", "\r\r\n", "\n\r\n", "\r.\r\n"]) {
      for (let cut = 0; cut <= line.length + 1; cut++) {
        for (let second = cut; second <= line.length + 1; second++) {
          const found = unstuffed(Buffer.from(`.${line}.\r\n`), [cut, second]);
          expect([line, cut, second, found]).toEqual([line, cut, second, { octets: line, rest: "" }]);
        }
      }
    }
  });

  test("without its end there is none", () => {
    for (const cut of ["", ".", ".\r", "a", "a\r\n", "a\r\n.", "a\r\n.\r", "a\n.\r\n", "a\r.\r\n", "a\r\n.\n"]) {
      expect(unstuffed(Buffer.from(cut), []).rest).toBeNull();
    }
  });

  test("20,000 random contents in random pieces come out as they were", () => {
    const random = randomFrom(1939);
    const below = (limit: number) => Math.floor(random() * limit);
    const alphabet = "\r\n.\r\n.\r\n.\0a\xff";
    for (let round = 0; round < 20_000; round++) {
      const length = below(40);
      const raw = Array.from({ length }, () => alphabet[below(alphabet.length)]).join("");
      const content = raw === "" || raw.endsWith("\r\n") ? raw : `${raw}\r\n`;
      const stuffed = stuff(content);
      const cuts = Array.from({ length: below(6) }, () => below(stuffed.length + 1));
      const found = unstuffed(
        stuffed,
        cuts.toSorted((a, b) => a - b),
        "rest",
      );
      expect([round, found]).toEqual([round, { octets: content, rest: "rest" }]);
    }
  });
});
