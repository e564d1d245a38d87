import { expect, test } from "vitest";
import { oneLine, withoutSecret } from "../../src/net/server-words.ts";

const password = 'canary"pass\\word';
const base64 = (text: string): string => Buffer.from(text).toString("base64");

test.each([
  password,
  'LOGIN "u" "canary\\"pass\\\\word"',
  `AUTHENTICATE PLAIN ${base64(`\0u\0${password}`)}`,
  `334 ${base64(password)}`,
])("words that hold the password are not told: %s", (echo) => {
  expect(withoutSecret(`unknown command: ${echo}`, "u", password)).toBe("");
});

test("other words are told, in one line of at most 500 characters", () => {
  expect(withoutSecret("Invalid credentials", "u", password)).toBe("Invalid credentials");
  expect(withoutSecret("no password at all", "u", "")).toBe("no password at all");
  expect(oneLine(" two\r\nlines\t\u2028and\0more ")).toBe("two lines and more");
  expect(oneLine("x".repeat(600))).toHaveLength(500);
  expect(oneLine(`${"x".repeat(499)}😀`)).toBe(`${"x".repeat(499)}\uFFFD`);
});
