import { expect, test } from "vitest";
import { beforeFirst, dotStuff, finalDot } from "../../../src/protocols/smtp/dot-stuff.ts";

/** All that goes on the wire for a message that comes in these pieces. */
function data(...pieces: string[]): string {
  let last = beforeFirst;
  let wire = "";
  for (const piece of pieces.map((text) => Buffer.from(text, "latin1"))) {
    wire += Buffer.from(dotStuff(piece, last)).toString("latin1");
    last = piece.at(-1) ?? last;
  }
  return wire + Buffer.from(finalDot(last)).toString("latin1");
}

test.each([
  ["a line", "a\r\n", "a\r\n.\r\n"],
  ["a line without its end", "a", "a\r\n.\r\n"],
  ["nothing", "", ".\r\n"],
  ["dots that begin lines", ".\r\n..\r\na.b\r\n.", "..\r\n...\r\na.b\r\n..\r\n.\r\n"],
  ["a lone LF", "a\nb\r\n", "a\r\nb\r\n.\r\n"],
  ["a lone CR", "a\rb\r\n", "a\r\nb\r\n.\r\n"],
  ["the end of data, smuggled by LF", "a\n.\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n.\r\n"],
  ["the end of data, smuggled by CR", "a\r.\rMAIL\r\n", "a\r\n..\r\nMAIL\r\n.\r\n"],
  ["the end of data, smuggled half and half", "a\r\n.\nb\n.\r\n", "a\r\n..\r\nb\r\n..\r\n.\r\n"],
  ["a CR at the end", "a\r", "a\r\n.\r\n"],
  ["octets beyond ASCII", "\xff\xfe\r\n", "\xff\xfe\r\n.\r\n"],
])("%s, whole and however it is cut", (_, message, wire) => {
  expect(data(message)).toBe(wire);
  expect(data(...message.split(""))).toBe(wire);
  for (let at = 0; at <= message.length; at += 1) expect(data(message.slice(0, at), message.slice(at))).toBe(wire);
});

test("what needs nothing is not copied", () => {
  const piece = Buffer.from("a\r\nb.\r\n");
  expect(dotStuff(piece, beforeFirst)).toBe(piece);
});
