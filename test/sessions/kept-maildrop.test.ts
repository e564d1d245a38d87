import { expect, test } from "vitest";
import { maildropKeyText, type MaildropKey } from "../../src/mail/maildrop.ts";
import { keptMaildrop, maildropLogin } from "../../src/sessions/kept-maildrop.ts";
import { keptInMemory } from "../protocols/pop3/kept-maildrop.ts";
import { accountRow } from "../store/rows.ts";

const key: MaildropKey = { kind: "uidl", value: "u1" };
const print: MaildropKey = { kind: "fingerprint", value: "1.x.1" };
const flags = { flags: { seen: true }, keywords: { add: ["$Work"], remove: [] } };
const header = { key, header: Buffer.from("Subject: a\r\n"), size: 7 };

function setup() {
  const kept = keptInMemory();
  const split = new Set<string>();
  const store = {
    maildrops: { of: () => kept },
    splitKeys: {
      all: async () => split,
      add: async (_: string, texts: string[]) => texts.forEach((text) => split.add(text)),
    },
  };
  const account = accountRow();
  const { incoming } = account;
  if (incoming === null) throw new Error("the account has no incoming server");
  const at = (change: { host?: string; username?: string }) => {
    const { host = incoming.host, username = incoming.auth.username } = change;
    return { id: account.id, incoming: { ...incoming, host, auth: { ...incoming.auth, username } } };
  };
  return { at, of: (change = {}) => keptMaildrop(store, at(change)) };
}

test("what is kept of a maildrop is told as it was put, with the keys that it was put under", async () => {
  const mine = setup().of();
  await mine.headers.put([header]);
  await mine.flags.change([key, print], flags);
  await mine.duplicates.add(["uidl:same", "uidl:a:b/c"]);
  expect([...(await mine.headers.get([key, print]))]).toEqual([["uidl:u1", { ...header, header: expect.anything() }]]);
  expect(await mine.headers.keys()).toEqual(new Set(["uidl:u1"]));
  expect((await mine.flags.get([key])).get("uidl:u1")).toMatchObject({ flags: { seen: true }, keywords: ["$Work"] });
  expect(await mine.flags.having("seen")).toEqual(new Set([key, print].map(maildropKeyText)));
  expect(await mine.duplicates.all()).toEqual(new Set(["uidl:same", "uidl:a:b/c"]));
  await mine.keepOnly([key], 0, "uidl");
  expect((await mine.flags.having("seen")).size).toBe(2);
  await mine.forget([key]);
  expect([...(await mine.flags.having("seen")), ...(await mine.headers.get([key])).keys()]).toEqual([
    "fingerprint:1.x.1",
  ]);
});

test.for([{ host: "other.test" }, { username: "somebody" }])("nothing of it is told of another: %j", async (change) => {
  const { of, at } = setup();
  await of().headers.put([header]);
  await of().flags.change([key], flags);
  await of().duplicates.add(["uidl:same"]);
  const other = of(change);
  expect(maildropLogin(at(change))).not.toBe(maildropLogin(at({})));
  expect((await other.headers.keys()).size).toBe(0);
  expect((await other.headers.get([key])).size + (await other.flags.get([key])).size).toBe(0);
  expect((await other.flags.having("seen")).size + (await other.duplicates.all()).size).toBe(0);
  await other.forget([key]);
  expect(await of().flags.having("seen")).toEqual(new Set(["uidl:u1"]));
  await other.keepOnly([], 0);
  expect(await of().flags.having("seen")).toEqual(new Set());
});

test("a host is the same however it is written", () => {
  const { at } = setup();
  expect(maildropLogin(at({ host: "POP.a.test" }))).toBe(maildropLogin(at({ host: "pop.A.test" })));
  expect(Buffer.from(maildropLogin(at({})), "base64url")).toHaveLength(6);
});
