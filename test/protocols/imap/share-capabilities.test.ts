import type { ImapFlow } from "imapflow";
import { expect, test } from "vitest";
import { shareCapabilities } from "../../../src/protocols/imap/share-capabilities.ts";

/** A client that is logged in on a server which announced these. */
function announced(...capabilities: [string, boolean | number][]): ImapFlow {
  const client = { capabilities: new Map(capabilities), rawCapabilities: capabilities };
  shareCapabilities(client as unknown as ImapFlow);
  return client as unknown as ImapFlow;
}

test("connections to servers that announce the same have one copy of it", () => {
  const one = announced(["IMAP4rev1", true], ["APPENDLIMIT", 1000]);
  const other = announced(["IMAP4rev1", true], ["APPENDLIMIT", 1000]);
  expect(other.capabilities).toBe(one.capabilities);
  expect([...other.capabilities]).toEqual([
    ["IMAP4rev1", true],
    ["APPENDLIMIT", 1000],
  ]);
});

test("what is announced differently is not shared", () => {
  const one = announced(["IMAP4rev1", true], ["APPENDLIMIT", 2000]);
  expect(announced(["IMAP4rev1", true], ["APPENDLIMIT", 2001]).capabilities).not.toBe(one.capabilities);
  expect(announced(["IMAP4rev1", true], ["IDLE", true]).capabilities.get("APPENDLIMIT")).toBeUndefined();
});

test("an announcement of thousands is nothing to be kept for others", () => {
  const many = Array.from({ length: 1_000 }, (_, n): [string, boolean] => [`X-${n}`, true]);
  const one = announced(...many);
  expect(one.capabilities.size).toBe(1_000);
  expect(announced(...many).capabilities).not.toBe(one.capabilities);
});

test("only so many announcements are kept, those that were met last", () => {
  const lasting = announced(["LASTING", true]);
  for (let n = 0; n < 99; n++) announced([`FIRST-${n}`, true]);
  expect(announced(["LASTING", true]).capabilities).toBe(lasting.capabilities);
  for (let n = 0; n < 99; n++) announced([`SECOND-${n}`, true]);
  expect(announced(["LASTING", true]).capabilities).toBe(lasting.capabilities);
  for (let n = 0; n < 100; n++) announced([`THIRD-${n}`, true]);
  expect(announced(["LASTING", true]).capabilities).not.toBe(lasting.capabilities);
});
