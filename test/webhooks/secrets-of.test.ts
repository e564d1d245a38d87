import { expect, test } from "vitest";
import { mintSecret } from "../../src/webhooks/secret.ts";
import { openSecrets, sealSecrets } from "../../src/webhooks/secrets-of.ts";
import { secret, vault, webhookRow } from "./rows.ts";

test("what is sealed is opened, and stands nowhere in clear", () => {
  const headers = { Authorization: "Bearer canary-token", "x-b": "ü" };
  const row = webhookRow({}, headers);
  expect(openSecrets(vault, row, 0)).toEqual({ secrets: [secret], headers });
  expect(row.headerNames).toEqual(["Authorization", "x-b"]);
  expect(JSON.stringify(row)).not.toContain("canary");
  expect(JSON.stringify(row)).not.toContain(secret);
});

test("the previous secret signs until its time is over", () => {
  const row = webhookRow();
  const next = mintSecret();
  const rotated = {
    ...row,
    ...sealSecrets(vault, row, { secret: next, previousSecret: secret }),
    previousSecretUntil: 1_000,
  };
  expect(openSecrets(vault, rotated, 999).secrets).toEqual([next, secret]);
  expect(openSecrets(vault, rotated, 1_000).secrets).toEqual([next]);
  expect(sealSecrets(vault, row, { previousSecret: null })).toEqual({ sealedPreviousSecret: null });
});

test("what is not given is left alone, and no headers are none", () => {
  const row = webhookRow({}, { "x-a": "b" });
  expect(Object.keys(sealSecrets(vault, row, {}))).toEqual([]);
  expect(Object.keys(sealSecrets(vault, row, { secret }))).toEqual(["sealedSecret"]);
  const emptied = { ...row, ...sealSecrets(vault, row, { headers: {} }) };
  expect(emptied).toMatchObject({ headerNames: [], sealedHeaders: null });
  expect(openSecrets(vault, emptied, 0).headers).toEqual({});
});

test("a sealed text opens in its own place and for its own webhook only", () => {
  const row = webhookRow();
  const misplaced = { ...row, sealedPreviousSecret: row.sealedSecret, previousSecretUntil: 10 };
  for (const wrong of [
    misplaced,
    { ...row, id: "whk_2" },
    { ...row, appId: "app_2" },
    { ...row, sealedHeaders: row.sealedSecret },
  ])
    expect(() => openSecrets(vault, wrong, 0)).toThrow(expect.objectContaining({ code: "internal" }));
});
