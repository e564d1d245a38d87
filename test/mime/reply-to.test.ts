import { describe, expect, test } from "vitest";
import type { Address } from "../../src/mail/address.ts";
import type { ReplyAction } from "../../src/mail/submission.ts";
import { checkHeaderText } from "../../src/mime/check-header.ts";
import { type RepliedTo, replyTo, withoutPrefixes } from "../../src/mime/reply-to.ts";

const one = (email: string, name = ""): Address => ({ name, email });
const ann = one("ann@example.com", "Ann");
const bob = one("bob@example.com", "Bob");
const cat = one("cat@example.net");
const dan = one("dan@example.org");

const original = (facts: Partial<RepliedTo>): RepliedTo => ({
  from: bob,
  replyTo: [],
  to: [ann],
  cc: [],
  subject: "Hello",
  messageId: "<m@x>",
  inReplyTo: null,
  references: [],
  ...facts,
});

function recipients(action: ReplyAction, facts: Partial<RepliedTo>, own = ["ann@example.com"]) {
  const { to, cc } = replyTo(original(facts), own, action);
  return { to: to.map(({ email }) => email), cc: cc.map(({ email }) => email) };
}

describe("who gets an answer", () => {
  test.each<[string, ReplyAction, Partial<RepliedTo>, string[], string[]]>([
    ["From", "reply", {}, ["bob@example.com"], []],
    ["Reply-To before From", "reply", { replyTo: [cat, dan] }, ["cat@example.net", "dan@example.org"], []],
    ["nobody else of a reply", "reply", { to: [ann, cat], cc: [dan] }, ["bob@example.com"], []],
    [
      "all but oneself",
      "replyAll",
      { to: [ann, cat], cc: [dan] },
      ["bob@example.com"],
      ["cat@example.net", "dan@example.org"],
    ],
    ["From is not copied where Reply-To stands", "replyAll", { replyTo: [cat] }, ["cat@example.net"], []],
    [
      "nobody twice",
      "replyAll",
      { to: [ann, bob, cat], cc: [one("cat@EXAMPLE.net"), bob] },
      ["bob@example.com"],
      ["cat@example.net"],
    ],
    [
      "oneself in other letters",
      "replyAll",
      { to: [one("Ann@Example.COM"), cat] },
      ["bob@example.com"],
      ["cat@example.net"],
    ],
    [
      "a tag is somebody else",
      "replyAll",
      { to: [one("ann+x@example.com")] },
      ["bob@example.com"],
      ["ann+x@example.com"],
    ],
    ["To of one's own", "reply", { from: ann, to: [bob, cat] }, ["bob@example.com", "cat@example.net"], []],
    [
      "To and Cc of one's own",
      "replyAll",
      { from: ann, to: [bob], cc: [cat, ann] },
      ["bob@example.com"],
      ["cat@example.net"],
    ],
    [
      "one's own with a Reply-To goes on with the same people",
      "reply",
      { from: ann, replyTo: [dan], to: [bob] },
      ["bob@example.com"],
      [],
    ],
    ["one's own that had but copies", "replyAll", { from: ann, to: [], cc: [cat] }, ["cat@example.net"], []],
    ["a note to oneself", "reply", { from: ann, to: [ann] }, ["ann@example.com"], []],
    ["Reply-To is oneself", "reply", { replyTo: [ann] }, ["bob@example.com"], []],
    ["no From", "reply", { from: null }, [], []],
    ["no From, all", "replyAll", { from: null, to: [ann, cat] }, [], ["cat@example.net"]],
    ["a forward", "forward", { cc: [dan], replyTo: [cat] }, [], []],
  ])("%s", (_, action, facts, to, cc) => expect(recipients(action, facts)).toEqual({ to, cc }));

  test("each of the account's addresses is oneself, an IDN domain as A-label too", () => {
    const facts = { to: [one("ann@xn--bcher-kva.example"), cat], cc: [one("sales@example.com")] };
    expect(recipients("replyAll", facts, ["ann@bücher.example", "sales@example.com"])).toEqual({
      to: ["bob@example.com"],
      cc: ["cat@example.net"],
    });
  });

  test("addresses that no server takes are told apart, names fit into a header", () => {
    const bad = one("dan@[192.0.2.1]", "Dan");
    const odd = one("cat@example.net", `C\r\nBcc: x\u2028\ud800${"é".repeat(2000)}`);
    const answer = replyTo(original({ to: [bad, odd] }), [], "replyAll");
    expect(answer.unusable).toEqual([bad]);
    expect(answer.cc).toHaveLength(1);
    expect(checkHeaderText(answer.cc[0]?.name ?? "\n")).toBeNull();
  });
});

describe("the subject", () => {
  const subject = (text: string, action: ReplyAction): string =>
    replyTo(original({ subject: text }), [], action).subject;

  test.each([
    "Re: x",
    "RE: x",
    "re:x",
    "Re[2]: x",
    "Re(3): x",
    "Re^2: x",
    "AW: x",
    "SV: x",
    "Antw: x",
    "RE : x",
    "Odp: x",
    "回复：x",
  ])("%s is a reply already", (text) => {
    expect(subject(text, "reply")).toBe(text);
    expect(subject(text, "forward")).toBe(`Fwd: ${text}`);
  });
  test.each(["Fwd: x", "FW: x", "fwd: x", "WG: x", "Tr : x", "转发: x"])("%s is a forward already", (text) => {
    expect(subject(text, "forward")).toBe(text);
    expect(subject(text, "replyAll")).toBe(`Re: ${text}`);
  });
  test.each([
    "x",
    "Regarding: x",
    "Result: x",
    "R: x",
    "I: x",
    "[list] Re: x",
    "Re",
    "Re x: y",
    "Research: x",
    "WGS: x",
    "3: x",
  ])("%s is neither", (text) => {
    expect(subject(text, "reply")).toBe(`Re: ${text}`);
    expect(subject(text, "forward")).toBe(`Fwd: ${text}`);
  });
  test("none, and one of a stranger", () => {
    expect(subject("", "reply")).toBe("Re:");
    expect(subject("a\r\nBcc: b@c.d\0", "reply")).toBe("Re: a Bcc: b@c.d");
    expect(checkHeaderText(subject(`\ud800${"😀".repeat(100_000)}`, "forward"))).toBeNull();
  });
});

describe("a subject without prefixes", () => {
  test.each([
    ["Lunch?", "Lunch?"],
    ["Re: Lunch?", "Lunch?"],
    ["RE:Fwd: AW[2]: WG : Lunch? ", "Lunch?"],
    ["Antw：你好", "你好"],
    ["Re:", ""],
    ["Regarding: x", "Regarding: x"],
    ["re lunch", "re lunch"],
    ["[list] Re: x", "[list] Re: x"],
  ])("of %j is %j", (subject, bare) => {
    expect(withoutPrefixes(subject)).toBe(bare);
  });

  test("takes no time that grows faster than it", () => {
    const begun = performance.now();
    for (const part of ["Re: ", "re ", " ", "Re[2] "]) withoutPrefixes(`${part.repeat(300_000)}x`);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});

describe("the conversation", () => {
  const thread = (facts: Partial<RepliedTo>, action: ReplyAction = "reply") => {
    const { inReplyTo, references } = replyTo(original(facts), [], action);
    return { inReplyTo, references };
  };
  test.each<[string, Partial<RepliedTo>, string | null, string[]]>([
    ["begins", {}, "<m@x>", ["<m@x>"]],
    ["goes on", { references: ["<a@x>", "<b@x>"], inReplyTo: "<b@x>" }, "<m@x>", ["<a@x>", "<b@x>", "<m@x>"]],
    ["has only In-Reply-To", { inReplyTo: "<a@x>" }, "<m@x>", ["<a@x>", "<m@x>"]],
    ["has no id", { messageId: null, references: ["<a@x>"] }, null, ["<a@x>"]],
    ["has nothing", { messageId: null }, null, []],
    ["names itself", { references: ["<m@x>", "<a@x>"] }, "<m@x>", ["<a@x>", "<m@x>"]],
    [
      "has ids that can't stand in a header",
      { messageId: "<é@x>", references: ["<a\u0007@x>", "<b@x>"] },
      null,
      ["<b@x>"],
    ],
    ["has an id longer than a line", { messageId: `<${"m".repeat(1000)}@x>`, references: ["<a@x>"] }, null, ["<a@x>"]],
  ])("%s", (_, facts, inReplyTo, references) => expect(thread(facts)).toEqual({ inReplyTo, references }));

  test("a forward answers nothing, and belongs to the conversation", () =>
    expect(thread({ references: ["<a@x>"] }, "forward")).toEqual({ inReplyTo: null, references: ["<a@x>", "<m@x>"] }));

  test("of many ids the first and the newest stay, in 900 octets", () => {
    const ids = Array.from({ length: 5000 }, (_, n) => `<${n}.${"i".repeat(40)}@example.com>`);
    const { references } = thread({ references: ids });
    expect(references.join(" ").length).toBeLessThanOrEqual(900);
    expect(references.length).toBeGreaterThan(10);
    expect(references[0]).toBe(ids[0]);
    expect(references.slice(1, -1)).toEqual(ids.slice(2 - references.length));
    expect(references.at(-1)).toBe("<m@x>");
    const long = [`<${"a".repeat(600)}@x>`, `<${"b".repeat(600)}@x>`];
    expect(thread({ references: long, messageId: `<${"c".repeat(600)}@x>` }).references).toEqual([
      `<${"c".repeat(600)}@x>`,
    ]);
  });
});
