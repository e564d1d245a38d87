import { createSecretKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Summary } from "../../src/mail/message.ts";
import { nodesOf, threadNode, threadOf } from "../../src/mail/thread.ts";
import { emptyEnvelope } from "../../src/mime/parse-envelope.ts";

const idKey = createSecretKey(Buffer.alloc(32, 7));
const otherKey = createSecretKey(Buffer.alloc(32, 8));

const node = (value: string): string => threadNode(idKey, { kind: "message", value });

function message(
  envelope: Partial<Summary["envelope"]> = {},
  more: Partial<Summary> = {},
): Pick<Summary, "thread" | "envelope" | "key" | "place"> {
  const place = { path: "INBOX", uidValidity: 1, uid: 2 };
  return { thread: null, key: null, place, ...more, envelope: { ...emptyEnvelope, messageId: "<me@x>", ...envelope } };
}

describe("a node", () => {
  test("is a pure function of the account's key, the kind and the value: forever the same", () => {
    expect(node("<a@x>")).toBe("thr_uaqi6avdliree8o96lph7p51r0");
    expect(node("<a@x>")).toMatch(/^thr_[0-9a-v]{26}$/);
    const all = [
      node("<a@x>"),
      node("<A@x>"),
      threadNode(otherKey, { kind: "message", value: "<a@x>" }),
      threadNode(idKey, { kind: "native", value: "<a@x>" }),
      threadNode(idKey, { kind: "copy", value: "<a@x>" }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("the nodes of a message", () => {
  test("are its references from the oldest on, what it answers, and itself", () => {
    const { own, all } = nodesOf(idKey, message({ references: ["<a@x>", "<b@x>"], inReplyTo: "<c@x>" }));
    expect(own).toBe(node("<me@x>"));
    expect(all).toEqual([node("<a@x>"), node("<b@x>"), node("<c@x>"), own]);
  });

  test("each once; what refers to itself only is its own root", () => {
    const twice = nodesOf(idKey, message({ references: ["<a@x>", "<me@x>", "<b@x>"], inReplyTo: "<b@x>" }));
    expect(twice.all).toEqual([node("<a@x>"), node("<b@x>"), node("<me@x>")]);
    expect(nodesOf(idKey, message({ references: ["<me@x>"], inReplyTo: "<me@x>" })).all).toEqual([node("<me@x>")]);
    expect(nodesOf(idKey, message()).all).toEqual([node("<me@x>")]);
  });

  test("are the server's own id of the conversation where it has one, and no other", () => {
    const { own, all } = nodesOf(idKey, message({ references: ["<a@x>"] }, { thread: "1234" }));
    expect(own).toBe(node("<me@x>"));
    expect(all).toEqual([threadNode(idKey, { kind: "native", value: "1234" })]);
  });

  test("without a Message-ID begin with what it answers, else with what else names it", () => {
    const key = { kind: "guid", value: "abc" } as const;
    const copy = (value: string): string => threadNode(idKey, { kind: "copy", value });
    const nameless = { messageId: null };
    expect(nodesOf(idKey, message(nameless))).toEqual({ own: copy("1/2 INBOX"), all: [copy("1/2 INBOX")] });
    expect(nodesOf(idKey, message(nameless, { key })).own).toBe(copy("guid:abc"));
    const place = { path: "INBOX", key: { kind: "uidl", value: "u" } } as const;
    expect(nodesOf(idKey, message(nameless, { place })).own).toBe(copy("uidl:u"));
    const answer = nodesOf(idKey, message({ ...nameless, inReplyTo: "<a@x>" }));
    expect(answer).toEqual({ own: copy("1/2 INBOX"), all: [node("<a@x>")] });
  });
});

test("the thread of a message is that of the nearest node that is known, else its root", () => {
  const nodes = nodesOf(idKey, message({ references: ["<a@x>", "<b@x>"] }));
  expect(threadOf(nodes, new Map())).toBe(node("<a@x>"));
  const links = new Map([[node("<a@x>"), "one"]]);
  expect(threadOf(nodes, links)).toBe("one");
  expect(threadOf(nodes, links.set(node("<b@x>"), "two"))).toBe("two");
  expect(threadOf(nodes, links.set(node("<me@x>"), "three"))).toBe("three");
});
