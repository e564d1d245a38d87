import { expect, test } from "vitest";
import { toCrlf } from "../../src/mime/crlf.ts";

const octets = (text: string): Buffer => Buffer.from(text, "latin1");

test.each([
  ["a\nb", "a\r\nb"],
  ["\n", "\r\n"],
  ["\n\n\r\n\n", "\r\n\r\n\r\n\r\n"],
  ["a\r\nb\nc\r\n\nd\n", "a\r\nb\r\nc\r\n\r\nd\r\n"],
  ["a\rb\r\r\n\xff\n", "a\rb\r\r\n\xff\r\n"],
  ["no line end", "no line end"],
  ["", ""],
])("%j becomes %j", (before, after) => {
  expect(Buffer.from(toCrlf(octets(before))).toString("latin1")).toBe(after);
});

test("what is right already is not copied", () => {
  const message = octets("a\r\nb\r\n");
  expect(toCrlf(message)).toBe(message);
});

test("a view into something larger stays within its bounds", () => {
  const whole = octets("\r\nab\ncd");
  expect(Buffer.from(toCrlf(whole.subarray(1, 5))).toString("latin1")).toBe("\r\nab\r\n");
});

test("10 MiB of line feeds take less than a second", () => {
  const startedAt = performance.now();
  expect(toCrlf(Buffer.alloc(10 * 1024 * 1024, "\n")).length).toBe(20 * 1024 * 1024);
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
