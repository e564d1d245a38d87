import { describe, expect, test } from "vitest";
import { corpus } from "../corpus/all.ts";
import { chunked, randomFrom } from "./random.ts";
import { readRaw, readStream } from "./read-raw.ts";

test("the corpus is one: at least 120 messages, each with a name of its own", () => {
  expect(corpus.length).toBeGreaterThan(120);
  expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
});

describe("every message", () => {
  test.each(corpus)("$name", async ({ raw, facts }) => expect(await readRaw(raw)).toEqual(facts));
});

describe("as a stream", () => {
  test.each(corpus)("$name", async ({ raw, facts }) => {
    const random = randomFrom(raw.length);
    expect(await readStream(() => chunked(raw, random, 400))).toEqual(facts);
  });
});

describe("cut anywhere", () => {
  test.each(corpus)("$name", async ({ raw }) => {
    for (let part = 1; part < 8; part++) {
      const facts = await readRaw(raw.subarray(0, Math.floor((raw.length * part) / 8)));
      expect(facts.text === null || facts.text.isWellFormed()).toBe(true);
    }
  });
});
