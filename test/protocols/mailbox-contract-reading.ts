import { expect } from "vitest";
import type { ByteRange } from "../../src/mail/mailbox.ts";
import { attachmentOf, collect, failureOf } from "./failure-of.ts";
import { type Bench, elsewhereOf, newest, nowhere, page } from "./mailbox-bench.ts";

const nested = [
  "Subject: nested",
  "Content-Type: multipart/mixed; boundary=x",
  "",
  "--x",
  "Content-Type: text/plain",
  "",
  "hi",
  "--x",
  "Content-Type: message/rfc822",
  "",
  "Subject: in",
  "Content-Type: multipart/alternative; boundary=y",
  "",
  "--y",
  "",
  "in",
  "--y--",
  "--x",
  "Content-Type: message/rfc822",
  "",
  "Subject: plain",
  "",
  "in",
  "--x--",
  "",
].join("\n");

/** One message: whole, in parts and in ranges, byte-exact or a failure. */
export function reading({ it, filled, open, user: freshUser, deliver }: Bench): void {
  it("gets a message's header and text parts without marking it seen", [], async () => {
    const { mailbox } = await filled(30);
    const { messages } = await mailbox.list("INBOX", page);
    for (const { place, flags } of messages) {
      const { summary, header, bodies } = await mailbox.get(place, { headers: true, bodies: true });
      expect(Buffer.from(header ?? []).toString()).toMatch(/^[\s\S]*^Message-ID: [\s\S]*\r\n\r\n$/im);
      expect(bodies?.length).toBeGreaterThan(0);
      for (const { part, bytes, truncated } of bodies ?? []) {
        expect([bytes.length, truncated]).toEqual([part.encodedSize, false]);
      }
      const raw = await mailbox.openRaw(place);
      const octets = await collect(raw.stream);
      expect(octets).toHaveLength(summary.size);
      expect(octets.subarray(0, header?.length ?? 0).toString("latin1")).toBe(
        Buffer.from(header ?? []).toString("latin1"),
      );
      expect((await mailbox.get(place, {})).summary.flags).toEqual(flags);
    }
  });

  it("a message that is not there is message-gone, and another UIDVALIDITY is too", [], async () => {
    const { mailbox } = await filled(3);
    const { place } = await newest(mailbox);
    for (const gone of [nowhere(place), elsewhereOf(place)]) {
      expect((await failureOf(mailbox.get(gone, { headers: true }))).code).toBe("message-gone");
      expect((await failureOf(mailbox.openRaw(gone))).code).toBe("message-gone");
      expect((await failureOf(attachmentOf(mailbox, gone, "1"))).code).toBe("message-gone");
    }
    expect((await mailbox.get(place, {})).summary.place).toEqual(place);
  });

  it("a folder that is not there is not-found", [], async () => {
    const { mailbox } = await filled(1);
    expect((await failureOf(mailbox.list("Nowhere", page))).code).toBe("not-found");
    expect((await failureOf(mailbox.status("Nowhere"))).code).toBe("not-found");
    expect(mailbox.dead).toBe(false);
  });

  it("cuts a text part that is longer than it downloads, and says so", [], async () => {
    const user = await freshUser();
    await deliver(user, `Subject: long\nContent-Type: text/plain\n\n${"0123456789abcde\n".repeat(400_000)}`);
    const mailbox = await open(user);
    const { bodies } = await mailbox.get((await newest(mailbox)).place, { bodies: true });
    expect(bodies?.map(({ bytes, truncated }) => [bytes.length, truncated])).toEqual([[4 * 1024 * 1024, true]]);
  });

  it("numbers and gives the parts of messages in messages", ["nested sections"], async () => {
    const user = await freshUser();
    await deliver(user, nested);
    const mailbox = await open(user);
    const { place } = await newest(mailbox);
    const { structure } = (await mailbox.get(place, { structure: true })).summary;
    const sections = structure?.children.map((part) => [
      part.section,
      part.children.map((child) => [child.section, child.children.map(({ section }) => section)]),
    ]);
    expect(sections).toEqual([
      ["1", []],
      ["2", [["2", ["2.1"]]]],
      ["3", [["3.1", []]]],
    ]);
    expect((await collect(await attachmentOf(mailbox, place, "2"))).toString()).toMatch(
      /^Subject: in\r\n[^]*--y--(\r\n)?$/,
    );
    for (const inside of ["2.1", "3.1"]) {
      expect((await failureOf(attachmentOf(mailbox, place, inside))).code).toBe("not-found");
    }
  });

  it("gives an attachment by its section, and not-found for what is none", [], async () => {
    const user = await freshUser();
    await deliver(user, nested);
    const mailbox = await open(user);
    const { place } = await newest(mailbox);
    const { part, stream } = await mailbox.openAttachment(place, "3");
    expect(part).toMatchObject({ section: "3", contentType: "message/rfc822", encoding: "7bit", filename: null });
    const whole = "Subject: plain\r\n\r\nin";
    expect([null, whole.length]).toContain(part.encodedSize);
    expect(String(stream && (await collect(stream)))).toBe(whole);
    const cut = await attachmentOf(mailbox, place, "3", { start: 1, end: 4 });
    expect((await collect(cut)).toString()).toBe(whole.slice(1, 5));
    expect(await mailbox.openAttachment(place, "3", () => null)).toMatchObject({ part, stream: null });
    expect((await mailbox.get(place, {})).summary.place).toEqual(place);
    for (const none of ["1", "4"]) {
      expect((await failureOf(attachmentOf(mailbox, place, none))).code).toBe("not-found");
    }
    expect((await failureOf(attachmentOf(mailbox, place, "1] X"))).code).toBe("validation-failed");
  });

  it("streams in ranges across chunk borders as it streams whole", [], async () => {
    const user = await freshUser();
    const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index} ${"x".repeat(index % 60)}`);
    await deliver(user, `Subject: big\n\n${lines.join("\n")}\n`);
    const mailbox = await open(user);
    const { place, size } = await newest(mailbox);
    const whole = await mailbox.openRaw(place);
    const raw = await collect(whole.stream);
    expect(whole.size).toBe(size);
    expect(raw).toHaveLength(size);
    expect(raw.subarray(raw.indexOf("\r\n\r\n") + 4).toString()).toBe(`${lines.join("\r\n")}\r\n`);
    const ranges: ByteRange[] = [
      { start: 0, end: 0 },
      { start: 262_143, end: 262_144 },
      { start: 1000, end: 1_300_000 },
      { start: size - 1, end: size - 1 },
      { start: size - 10, end: size + 100 },
    ];
    for (const range of ranges) {
      const part = await mailbox.openRaw(place, range);
      expect((await collect(part.stream)).equals(raw.subarray(range.start, range.end + 1))).toBe(true);
    }
    expect(mailbox.dead).toBe(false);
  });

  it("a range beyond the end is range-not-satisfiable", ["sizes that hold"], async () => {
    const { mailbox } = await filled(1);
    const { place, size } = await newest(mailbox);
    const beyond = mailbox.openRaw(place, { start: size, end: size });
    expect((await failureOf(beyond)).code).toBe("range-not-satisfiable");
    expect(mailbox.dead).toBe(false);
  });

  it("gives the octets that were delivered", ["bytes as delivered"], async () => {
    const user = await freshUser();
    const odd = Buffer.from(
      "Subject: raw \xe9\nX-Long: a\n  folded\n\n.\n..\nFrom x\n>From y\n\xff\xfe an end\n",
      "latin1",
    );
    await deliver(user, odd);
    const mailbox = await open(user);
    const raw = await collect((await mailbox.openRaw((await newest(mailbox)).place)).stream);
    expect(raw.toString("latin1")).toBe(odd.toString("latin1").replaceAll("\n", "\r\n"));
  });

  it("gives a last line without its end as it is", ["bytes as delivered"], async () => {
    const user = await freshUser();
    // By POP3 it is the others that show whether the end belongs to it.
    await deliver(user, "Subject: whole\n\nan end\n");
    await deliver(user, "Subject: cut\n\nno end");
    const mailbox = await open(user);
    const { messages } = await mailbox.list("INBOX", page);
    const place = messages.find(({ envelope }) => envelope.subject === "cut")?.place;
    if (!place) throw new Error("it is not listed");
    const raw = await collect((await mailbox.openRaw(place)).stream);
    expect(raw.toString()).toBe("Subject: cut\r\n\r\nno end");
  });

  it("a call waits until a stream was left that holds the session", [], async () => {
    const user = await freshUser();
    await deliver(user, `Subject: big\n\n${"0123456789abcde\n".repeat(100_000)}`);
    const mailbox = await open(user);
    const { place } = await newest(mailbox);
    const { stream } = await mailbox.openRaw(place);
    for await (const _ of stream) break;
    expect((await mailbox.list("INBOX", page)).messages).toHaveLength(1);
    expect((await mailbox.get(place, {})).summary.envelope.subject).toBe("big");
  });

  it("other calls are answered between the pieces of a stream", ["calls between the pieces of a stream"], async () => {
    const user = await freshUser();
    await deliver(user, `Subject: big\n\n${"0123456789abcde\n".repeat(100_000)}`);
    const mailbox = await open(user);
    const { place, size } = await newest(mailbox);
    const { stream } = await mailbox.openRaw(place);
    const listed: number[] = [];
    let read = 0;
    for await (const chunk of stream) {
      listed.push((await mailbox.list("INBOX", page)).messages.length);
      read += chunk.length;
    }
    expect(read).toBe(size);
    expect(new Set(listed)).toEqual(new Set([1]));
  });
}
