import { expect } from "vitest";
import type { Place } from "../../src/mail/message.ts";
import type { Part } from "../../src/mail/part.ts";
import { previewPart } from "../../src/mime/walk.ts";
import { failureOf } from "./failure-of.ts";
import { type Bench, page } from "./mailbox-bench.ts";

const leaves = (part: Part): Part[] =>
  part.contentType.startsWith("multipart/") ? part.children.flatMap(leaves) : [part];
const octets = 2048;

/** Pieces of many messages, or of one: what a message's own octets are, of each no more than was asked for. */
export function parts({ it, filled, open, deliver, user: freshUser }: Bench): void {
  it("tells how messages begin, without marking them seen", [], async () => {
    const { mailbox } = await filled(30);
    const { messages } = await mailbox.list("INBOX", page);
    const all = await mailbox.beginnings(messages, octets);
    expect(all).toHaveLength(messages.length);
    for (const [index, beginning] of all.entries()) {
      const place = messages[index]?.place as Place;
      const { summary, bodies = [] } = await mailbox.get(place, { bodies: true });
      const part = summary.structure && previewPart(summary.structure);
      const body = bodies.find((one) => one.part.section === part?.section);
      expect(beginning?.part.section).toBe(part?.section);
      expect(beginning?.bytes.length ?? 0).toBeLessThanOrEqual(octets);
      const whole = Buffer.from(body?.bytes ?? []).toString("latin1");
      const raw = Buffer.from(beginning?.bytes ?? []).toString("latin1");
      // Behind a header GNU pop3d's TOP has an empty line more than its RETR.
      const told = whole.startsWith("\r\n") ? raw : raw.replace(/^\r\n/, "");
      // By TOP so many lines come, which may be less.
      const least = mailbox.watching.kind === "maildrop" ? 500 : octets;
      expect(raw.length).toBeGreaterThanOrEqual(Math.min(least, whole.length));
      expect(told).toBe(whole.slice(0, told.length));
      expect(beginning?.truncated).toBe(told.length < whole.length);
      expect(summary.flags.seen).toBe(messages[index]?.flags.seen);
    }
  });

  it("tells header blocks, whole or as much of each as is asked for", [], async () => {
    const { mailbox } = await filled(12);
    const { messages } = await mailbox.list("INBOX", page);
    const places = messages.map(({ place }) => place);
    const whole = await mailbox.headers(places, 64 * 1024);
    const cut = await mailbox.headers(places, 40);
    for (const [index, place] of places.entries()) {
      const { header = new Uint8Array() } = await mailbox.get(place, { headers: true });
      expect(Buffer.from(whole[index] ?? []).toString("latin1")).toBe(Buffer.from(header).toString("latin1"));
      expect(Buffer.from(cut[index] ?? []).toString("latin1")).toBe(Buffer.from(header).toString("latin1", 0, 40));
    }
  });

  it("gives the parts of a message that are asked for", [], async () => {
    const owner = await freshUser();
    const body = Array.from({ length: 40 }, (_, n) => ["--b", "Content-Type: image/png", "", `image ${n}`]).flat();
    await deliver(
      owner,
      ["Subject: x", "Content-Type: multipart/mixed; boundary=b", "", ...body, "--b--", ""].join("\n"),
    );
    const mailbox = await open(owner);
    const [message] = (await mailbox.list("INBOX", page)).messages;
    const place = message?.place as Place;
    const { summary } = await mailbox.get(place, { structure: true });
    const all = summary.structure ? leaves(summary.structure) : [];
    const wanted = all.toReversed().map((part, n) => ({ part, length: n === 0 ? 3 : 100 }));
    const told = await mailbox.parts(place, wanted);
    expect(told.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(
      Array.from({ length: 40 }, (_, n) => (n === 0 ? "ima" : `image ${39 - n}`)),
    );
    expect(told.map(({ truncated }) => truncated)).toEqual(Array.from({ length: 40 }, (_, n) => n === 0));
    expect(await mailbox.parts(place, [])).toEqual([]);
  });

  it("leaves out what is gone", [], async () => {
    const { mailbox, user } = await filled(3);
    const { messages } = await mailbox.list("INBOX", page);
    const [first, second] = messages;
    if (first === undefined || second === undefined) throw new Error("no messages");
    const { summary } = await mailbox.get(second.place, { structure: true });
    await mailbox.remove([second.place]);
    const other = mailbox.dead ? await open(user) : mailbox;
    expect((await other.beginnings([second, first], octets)).map((one) => one !== null)).toEqual([false, true]);
    const headers = await other.headers([second.place, first.place], 100);
    expect(headers.map((one) => one !== null)).toEqual([false, true]);
    const part = summary.structure && leaves(summary.structure)[0];
    if (!part) throw new Error("no part");
    expect((await failureOf(other.parts(second.place, [{ part, length: 10 }]))).code).toBe("message-gone");
  });
}
