import { createSecretKey, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decodeMessageId, encodeMessageId, orderedId, randomId, type MessageRef } from "../../src/mail/id.ts";

const refs: MessageRef[] = [
  { tier: "permanent", key: { kind: "emailId", value: "M6d99ac3275bb4e" } },
  { tier: "permanent", key: { kind: "gmail", value: "18446744073709551615" } },
  { tier: "permanent", key: { kind: "guid", value: "4c5bd85bc5a1f6629e120000f8eb3c4f" } },
  { tier: "permanent", key: { kind: "guid", value: "1763846400.M12P34.host,S=210,W=215" } },
  { tier: "maildrop", login: "AZ_09-zz", key: { kind: "uidl", value: "a" } },
  { tier: "maildrop", login: "AZ_09-zz", key: { kind: "fingerprint", value: `136.${"A".repeat(22)}.1` } },
  { tier: "tracked", origin: { folder: 1, uidValidity: 4_294_967_295, uid: 7 } },
];

describe("message ids", () => {
  const idKey = createSecretKey(randomBytes(32));

  test.each(refs)("come back as what they name: %j", (ref) => {
    const id = encodeMessageId(ref, idKey);
    expect(id).toMatch(/^msg_[A-Za-z0-9_-]+$/);
    expect(decodeMessageId(id, idKey)).toEqual(ref);
    expect(encodeMessageId(ref, idKey)).toBe(id);
  });

  test.each(refs)("of another account are nobody's: %j", (ref) => {
    expect(decodeMessageId(encodeMessageId(ref, createSecretKey(randomBytes(32))), idKey)).toBeNull();
  });

  test("with any character changed are nobody's", () => {
    const id = encodeMessageId({ tier: "tracked", origin: { folder: 3, uidValidity: 9, uid: 27 } }, idKey);
    for (let at = 4; at < id.length; at += 1) {
      const other = id[at] === "A" ? "B" : "A";
      expect(decodeMessageId(id.slice(0, at) + other + id.slice(at + 1), idKey)).toBeNull();
    }
  });

  test.each(["", "msg_", "msg_AA", "acc_AAAAAAAAAAAAAAAAAAAAAAAA", `msg_${"A".repeat(5000)}`, "msg_%00%00"])(
    "garbage is nobody's: %s",
    (id) => expect(decodeMessageId(id, idKey)).toBeNull(),
  );
});

describe("row ids", () => {
  test("have a fixed width and an alphabet that sorts", () => {
    expect(randomId("acc")).toMatch(/^acc_[0-9a-v]{26}$/);
    expect(new Set(Array.from({ length: 1000 }, () => randomId("fld"))).size).toBe(1000);
  });

  test("ordered ones sort as time does", () => {
    const times = [0, 1, 255, 256, 1_763_846_400_000, 1_763_846_400_001, 2 ** 47];
    const ids = times.map((time) => orderedId("sub", time));
    expect([...ids].sort()).toEqual(ids);
  });

  test("ordered ones begin with the time, in RFC 4648's base32hex", () => {
    const [, text = ""] = orderedId("evt", 1_763_846_400_123).split("_");
    const bits = Array.from(text, String)
      .map((character) => Number.parseInt(character, 32).toString(2).padStart(5, "0"))
      .join("");
    expect(Number.parseInt(bits.slice(0, 48), 2)).toBe(1_763_846_400_123);
    expect(bits.slice(48, 52)).toBe("0111");
    expect(bits.slice(128)).toBe("00");
  });

  test("are all different, however many there are", () => {
    expect(new Set(Array.from({ length: 20_000 }, () => orderedId("dlv", 0))).size).toBe(20_000);
  });
});
