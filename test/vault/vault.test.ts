import { performance } from "node:perf_hooks";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { createVault, type KeyHolder, type Vault } from "../../src/vault/vault.ts";

const secret = "a-long-random-sealing-secret-0001";
const other = "a-long-random-sealing-secret-0002";
const password = "hunter2 – ünïcode \u0000 🔑";

function account(vault: Vault, id = "acc_1", appId = "app_1"): KeyHolder {
  return { id, appId, sealedKey: vault.newKey({ id, appId }) };
}

function refusal(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("was opened");
}

/** Every character replaced once, which covers version, key id, nonce, ciphertext and tag. */
function* tampered(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) {
    yield text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
  }
  yield "";
  yield text.slice(0, -4);
  yield `${text}.x`;
}

describe("sealing", () => {
  test("gives back text and octets, and shows neither", () => {
    const vault = createVault({ secret });
    const holder = account(vault);
    const sealed = vault.seal(holder, "incomingPassword", password);
    expect(vault.openText(holder, "incomingPassword", sealed)).toBe(password);
    expect(sealed).not.toContain("hunter2");
    const octets = Uint8Array.of(0, 255, 128, 1);
    expect([...vault.open(holder, "idKey", vault.seal(holder, "idKey", octets))]).toEqual([...octets]);
    expect(vault.openText(holder, "idKey", vault.seal(holder, "idKey", ""))).toBe("");
  });

  test("never makes the same text twice", () => {
    const vault = createVault({ secret });
    const holder = account(vault);
    const texts = Array.from({ length: 50 }, () => vault.seal(holder, "idKey", "same"));
    expect(new Set(texts).size).toBe(50);
    expect(account(vault).sealedKey).not.toBe(account(vault).sealedKey);
  });

  test("does not open what belongs to another field, account or app", () => {
    const vault = createVault({ secret });
    const holder = account(vault);
    const sealed = vault.seal(holder, "incomingPassword", password);
    const others = [
      () => vault.open(holder, "outgoingPassword", sealed),
      () => vault.open({ ...holder, id: "acc_2" }, "incomingPassword", sealed),
      () => vault.open({ ...holder, appId: "app_2" }, "incomingPassword", sealed),
      () => vault.open(account(vault, "acc_2"), "incomingPassword", sealed),
      () => vault.seal({ ...holder, id: "acc_2" }, "incomingPassword", "x"),
    ];
    for (const open of others) expect(refusal(open)).toMatchObject({ code: "internal", details: {} });
  });

  test("does not open a text with one character changed", () => {
    const vault = createVault({ secret });
    const holder = account(vault);
    const sealed = vault.seal(holder, "idKey", password);
    for (const text of tampered(sealed)) {
      expect(refusal(() => vault.open(holder, "idKey", text)).code).toBe("internal");
    }
    for (const sealedKey of tampered(holder.sealedKey)) {
      expect(refusal(() => vault.open({ ...holder, sealedKey }, "idKey", sealed)).code).toBe("internal");
    }
  });

  test("opens nothing in clear", () => {
    const vault = createVault({ secret });
    const holder = account(vault);
    for (const text of ["hunter2", "v1.hunter2", "v0.aGVsbG8", "v1.", "v1", "."]) {
      expect(refusal(() => vault.open(holder, "idKey", text)).message).toBe("A stored secret could not be opened.");
    }
  });

  test("refuses a short secret", () => {
    expect(() => createVault({ secret: "x".repeat(31) })).toThrow(/shorter than 32/);
    expect(() => createVault({ secret, previous: "short" })).toThrow(/shorter than 32/);
  });

  test("opens in less than a millisecond", () => {
    const vault = createVault({ secret });
    const holder = account(vault);
    const sealed = vault.seal(holder, "idKey", password);
    const started = performance.now();
    for (let round = 0; round < 1000; round++) vault.open(holder, "idKey", sealed);
    const each = (performance.now() - started) / 1000;
    console.log(`opening a secret: ${(each * 1000).toFixed(1)} µs`);
    expect(each).toBeLessThan(1);
  });
});

describe("rotation", () => {
  test("opens under the previous secret, says that a re-wrap is due, and needs the old one no longer after it", () => {
    const before = createVault({ secret });
    const holder = account(before);
    const sealed = before.seal(holder, "incomingPassword", password);
    expect(before.rewrap(holder)).toBeNull();

    const during = createVault({ secret: other, previous: secret });
    expect(during.openText(holder, "incomingPassword", sealed)).toBe(password);
    const sealedKey = during.rewrap(holder);
    if (sealedKey === null) throw new Error("no re-wrap was due");
    const rewrapped = { ...holder, sealedKey };
    expect(during.rewrap(rewrapped)).toBeNull();

    const after = createVault({ secret: other });
    expect(after.openText(rewrapped, "incomingPassword", sealed)).toBe(password);
    expect(refusal(() => after.open(holder, "incomingPassword", sealed)).code).toBe("internal");
  });

  test("knows by the check under which secret a database stands", () => {
    const check = createVault({ secret }).makeCheck();
    expect(createVault({ secret }).verifyCheck(check)).toBe("current");
    expect(createVault({ secret: other, previous: secret }).verifyCheck(check)).toBe("previous");
    expect(createVault({ secret: other }).verifyCheck(check)).toBe("wrong");
    for (const text of ["", "v1", check.slice(0, -3), createVault({ secret: other }).makeCheck()]) {
      expect(createVault({ secret }).verifyCheck(text)).toBe("wrong");
    }
  });

  test("an account's wrapped key is no check", () => {
    const vault = createVault({ secret });
    expect(vault.verifyCheck(account(vault).sealedKey)).toBe("wrong");
  });
});
