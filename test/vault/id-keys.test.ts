import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createIdKeys } from "../../src/vault/id-keys.ts";
import { createVault, type Vault } from "../../src/vault/vault.ts";

/** A vault that counts what it opens. */
function countingVault(): { vault: Vault; opened: () => number } {
  const vault = createVault({ secret: "a-long-random-sealing-secret-0001" });
  let opened = 0;
  const open: Vault["open"] = (...asked) => {
    opened += 1;
    return vault.open(...asked);
  };
  return { vault: { ...vault, open }, opened: () => opened };
}

function account(vault: Vault, id: string, clear: Uint8Array = randomBytes(32)) {
  const holder = { id, appId: "app_1" };
  const keyHolder = { ...holder, sealedKey: vault.newKey(holder) };
  return { ...keyHolder, sealedIdKey: vault.seal(keyHolder, "idKey", clear) };
}

test("a key is opened once and stays right", () => {
  const { vault, opened } = countingVault();
  const idKeys = createIdKeys(vault, 10);
  const clear = randomBytes(32);
  const ann = account(vault, "acc_1", clear);
  const bob = account(vault, "acc_2");
  for (let round = 0; round < 3; round += 1) {
    expect(idKeys(ann).export()).toEqual(clear);
    expect(idKeys(bob).export()).not.toEqual(clear);
  }
  expect(opened()).toBe(2);
});

test("an open key serves neither another account or app, nor another sealed text", () => {
  const { vault } = countingVault();
  const idKeys = createIdKeys(vault, 10);
  const ann = account(vault, "acc_1");
  idKeys(ann);
  expect(() => idKeys({ ...ann, id: "acc_2" })).toThrow("could not be opened");
  expect(() => idKeys({ ...ann, appId: "app_2" })).toThrow("could not be opened");
  expect(() => idKeys({ ...ann, sealedIdKey: `${ann.sealedIdKey.slice(0, -4)}AAAA` })).toThrow("could not be opened");
});

test("the key that was used least recently makes room", () => {
  const { vault, opened } = countingVault();
  const idKeys = createIdKeys(vault, 2);
  const [ann, bob, cem] = [account(vault, "acc_1"), account(vault, "acc_2"), account(vault, "acc_3")];
  for (const one of [ann, bob, ann, cem, ann]) idKeys(one);
  expect(opened()).toBe(3);
  idKeys(bob);
  expect(opened()).toBe(4);
});

test("a key shows its octets to no log", () => {
  const { vault } = countingVault();
  const clear = Buffer.from("shown-nowhere-shown-nowhere-1234");
  const key = createIdKeys(vault, 10)(account(vault, "acc_1", clear));
  const printed = `${inspect(key)} ${JSON.stringify({ key })}`;
  expect(printed).not.toContain("shown-nowhere");
  expect(printed).not.toContain(clear.toString("hex"));
});
