import { randomBytes } from "node:crypto";
import { Failure } from "../errors.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";

/** Whether a sealing secret belongs to this database already: then it must be found, and no other one made. */
export async function isSealed(needs: { settings: Pick<Store["settings"], "get"> }): Promise<boolean> {
  return (await needs.settings.get(sealCheck)) !== null;
}

const sealCheck = "seal-check";

/** Those whose data keys are wrapped by the sealing secret. */
type Keyring = Pick<Store["accounts"], "sealedKeys" | "rewrap">;

type Needs = {
  settings: Pick<Store["settings"], "get" | "put" | "putOnce">;
  accounts: Keyring;
  webhooks: Keyring;
  vault: Pick<Vault, "makeCheck" | "verifyCheck" | "rewrap" | "hasPrevious">;
};

/**
 * Run before anything else is written: a database keeps a text that only its own sealing secret opens, and the random key
 * that authenticates cursors, the same on every replica. With POSTERN_SECRET_PREVIOUS it wraps every account's and webhook's key anew,
 * after which the previous secret is no longer needed. Fails `internal` when the secret is not the database's.
 */
export async function settleSecrets(needs: Needs): Promise<{ cursorKey: Uint8Array }> {
  const { settings, vault } = needs;
  const check = await settings.putOnce(sealCheck, vault.makeCheck());
  const secret = vault.verifyCheck(check);
  if (secret === "wrong")
    throw new Failure("internal", "The sealing secret is not the one that this database was written with.", {
      fix: "Restore the secret that belongs to this database, or point Postern at another one. Nothing was changed.",
    });
  if (secret === "previous") {
    await rewrapAll(needs);
    // Last: a rotation that was interrupted is begun again by the next start.
    await settings.put(sealCheck, vault.makeCheck());
  }
  const cursorKey = await settings.putOnce("cursor-key", randomBytes(32).toString("base64"));
  return { cursorKey: Buffer.from(cursorKey, "base64") };
}

/**
 * While replicas with the previous secret still run beside this one, they wrap the keys of new accounts and webhooks by it: wraps these anew,
 * once the database has gone over to the secret of this process. How many there were.
 */
export const rewrapKeys = (needs: Needs) => async (): Promise<number> => {
  const { settings, vault } = needs;
  if (!vault.hasPrevious) return 0;
  const check = await settings.get(sealCheck);
  return check !== null && vault.verifyCheck(check) === "current" ? rewrapAll(needs) : 0;
};

async function rewrapAll({ accounts, webhooks, vault }: Needs): Promise<number> {
  return (await rewrapRing(accounts, vault)) + (await rewrapRing(webhooks, vault));
}

async function rewrapRing(keyring: Keyring, vault: Pick<Vault, "rewrap">): Promise<number> {
  let rewrapped = 0;
  for (let after: string | null = null; ;) {
    const page = await keyring.sealedKeys({ after, limit: 500 });
    for (const holder of page) {
      const sealedKey = vault.rewrap(holder);
      if (sealedKey === null) continue;
      await keyring.rewrap(holder.id, holder.sealedKey, sealedKey);
      rewrapped += 1;
    }
    after = page.at(-1)?.id ?? null;
    if (after === null) return rewrapped;
  }
}
