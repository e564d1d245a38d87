import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Part } from "../../../src/mail/part.ts";
import { createKnownMessages, type Facts } from "../../../src/protocols/imap/known-messages.ts";
import { emptyEnvelope, parseEnvelope } from "../../../src/mime/parse-envelope.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function facts(subject: string, structure: Part | null = null): Facts {
  return {
    key: null,
    thread: null,
    envelope: { ...emptyEnvelope, subject },
    receivedAt: null,
    size: 1,
    structure,
    warnings: [],
  };
}

test("facts belong to one login, one folder and one UIDVALIDITY", () => {
  const all = createKnownMessages(100_000);
  all.of("ann", "here")("INBOX", 7).put(1, facts("hers"));
  expect(all.of("ann", "here")("INBOX", 7).facts(1)?.envelope.subject).toBe("hers");
  expect(all.of("bob", "here")("INBOX", 7).facts(1)).toBeNull();
  expect(all.of("ann", "elsewhere")("INBOX", 7).facts(1)).toBeNull();
  expect(all.of("ann", "here")("Sent", 7).facts(1)).toBeNull();
  expect(all.of("ann", "here")("INBOX", 8).facts(1)).toBeNull();
  expect(all.of("ann", "here")("INBOX", 7).facts(11)).toBeNull();
});

test("nothing is kept of a folder without a UIDVALIDITY", () => {
  const folder = createKnownMessages(100_000).of("ann", "here")("INBOX", 0);
  folder.put(1, facts("x"));
  folder.run = [1];
  expect(folder.facts(1)).toBeNull();
  expect(folder.run).toEqual([]);
});

test("what was not used for longest goes first, and what is kept has a bound", () => {
  const folder = createKnownMessages(10_000).of("ann", "here")("INBOX", 7);
  folder.put(1, facts("first"));
  for (let uid = 2; uid <= 100; uid++) {
    folder.put(uid, facts(`m${uid}`));
    expect(folder.facts(1)?.envelope.subject).toBe("first");
  }
  const kept = Array.from({ length: 100 }, (_, index) => index + 1).filter((uid) => folder.facts(uid) !== null);
  expect(kept.length).toBeGreaterThan(5);
  expect(kept.length).toBeLessThan(20);
  expect(kept).toContain(100);
});

test("facts that alone are too large are not kept, and a fact that is put twice counts once", () => {
  const folder = createKnownMessages(10_000).of("ann", "here")("INBOX", 7);
  for (let round = 0; round < 100; round++) folder.put(1, facts("again"));
  folder.put(2, facts("small"));
  expect(folder.facts(1)).not.toBeNull();
  folder.put(3, facts("x".repeat(20_000)));
  expect(folder.facts(3)).toBeNull();
});

test("the order of UIDs is kept for a bounded number of messages and folders", () => {
  const of = createKnownMessages(10_000).of("ann", "here");
  of("INBOX", 7).run = Array.from({ length: 5_000 }, (_, index) => 5_000 - index);
  expect(of("INBOX", 7).run).toHaveLength(2_000);
  for (let n = 0; n < 2_000; n++) of(`f${n}`, 7).run = [1];
  expect(of("INBOX", 7).run).toEqual([]);
  expect(of("f1999", 7).run).toEqual([1]);
});

test("what must be alone in a folder runs one at a time, and a failure holds nobody up", async () => {
  const of = createKnownMessages(10_000).of("ann", "here");
  const order: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push(`${name} ends`);
    if (name === "a") throw new Error("a failed");
    return name;
  };
  const first = of("INBOX", 7).alone(work("a"));
  const second = of("INBOX", 7).alone(work("b"));
  const elsewhere = of("Sent", 7).alone(work("c"));
  await expect(first).rejects.toThrow("a failed");
  expect(await second).toBe("b");
  expect(await elsewhere).toBe("c");
  expect(order.indexOf("b begins")).toBeGreaterThan(order.indexOf("a ends"));
  expect(order.indexOf("c begins")).toBeLessThan(order.indexOf("a ends"));
});

test("what a stranger wrote is weighed by its length, wherever it stands", () => {
  const folder = createKnownMessages(1_000_000).of("ann", "here")("INBOX", 7);
  const long = "x".repeat(30_000);
  const part = { section: "1", contentType: "text/plain", parameters: { name: long }, disposition: null };
  const structure: Part = { ...part, filename: long, contentId: null, encoding: "7bit", encodedSize: 1, children: [] };
  for (let uid = 1; uid <= 100; uid++) {
    folder.put(uid, { ...facts("s"), envelope: { ...emptyEnvelope, from: { name: long, email: "a@b.test" } } });
  }
  for (let uid = 101; uid <= 200; uid++) folder.put(uid, facts("s", structure));
  const kept = Array.from({ length: 200 }, (_, index) => index + 1).filter((uid) => folder.facts(uid) !== null);
  expect(kept.length).toBeGreaterThan(2);
  expect(kept.length).toBeLessThan(20);
});

test("nothing is left of a folder or a login that was forgotten", () => {
  const all = createKnownMessages(100_000);
  const [ann, bob] = [all.of("ann", "here"), all.of("bob", "here")];
  for (const mailbox of [ann, bob]) {
    for (const path of ["Old", "Old/below", "Older", "Kept"]) {
      mailbox(path, 7).put(1, facts(path));
      mailbox(path, 7).run = [1];
    }
  }
  ann.forget("Old", "/");
  expect([ann("Old", 7).facts(1), ann("Old", 7).run, ann("Old/below", 7).run]).toEqual([null, [], []]);
  expect([ann("Older", 7).run, ann("Kept", 7).run, bob("Old", 7).run]).toEqual([[1], [1], [1]]);
  all.forget("bob");
  expect([bob("Kept", 7).facts(1), bob("Kept", 7).run]).toEqual([null, []]);
  expect(ann("Kept", 7).facts(1)).not.toBeNull();
});

test("of a header only what was read out of it is held in memory, not the whole of it", () => {
  const folder = createKnownMessages(10_000_000).of("ann", "here")("INBOX", 7);
  const junk = `${"x".repeat(900)}\r\n `.repeat(64);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let uid = 1; uid <= 300; uid++) {
    const references = `References: ${junk}<the-only-id-of-message-${uid}@mail.test>\r\n`;
    const block = `Subject: a subject of some length ${uid}\r\nMessage-ID: <message-${uid}@mail.test>\r\n${references}\r\n`;
    folder.put(uid, { ...facts(""), envelope: parseEnvelope(Buffer.from(block)).envelope });
  }
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  expect(folder.facts(1)?.envelope.references).toEqual(["<the-only-id-of-message-1@mail.test>"]);
  expect(folder.facts(300)).not.toBeNull();
});
