import { randomBytes } from "node:crypto";
import { Failure } from "../errors.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";

/** Whether a sealing secret belongs to this database already: then it must be found, and no other one made. */
export async function isSealed(needs: { settings: Pick<Store["settings"], "get"> }): Promise<boolean> {
  return (await needs.settings.get(sealCheck)) !== null;
}

const sealCheck = "seal-check";

/**
 * Run before anything is written: a database keeps a text that only its own sealing secret opens, and the random key that
 * authenticates cursors, the same on every replica. Fails `internal` when the secret is not the database's.
 */
export async function settleSecrets(needs: {
  settings: Pick<Store["settings"], "putOnce">;
  vault: Pick<Vault, "makeCheck" | "verifyCheck">;
}): Promise<{ cursorKey: Uint8Array }> {
  const { settings, vault } = needs;
  const check = await settings.putOnce(sealCheck, vault.makeCheck());
  if (vault.verifyCheck(check) === "wrong")
    throw new Failure("internal", "The sealing secret is not the one that this database was written with.", {
      fix: "Restore the secret that belongs to this database, or point Postern at another one. Nothing was changed.",
    });
  const cursorKey = await settings.putOnce("cursor-key", randomBytes(32).toString("base64"));
  return { cursorKey: Buffer.from(cursorKey, "base64") };
}
