import type { WebhookRow } from "../store/webhook-rows.ts";
import type { KeyHolder, Vault } from "../vault/vault.ts";

type Clear = { secret?: string; previousSecret?: string | null; headers?: Record<string, string> };
type Sealed = Pick<WebhookRow, "sealedSecret" | "sealedPreviousSecret" | "headerNames" | "sealedHeaders">;

/**
 * What goes into a webhook's row for the secrets that are given; the others are left out, for the row to keep what it has. No
 * headers (`{}`) and no previous secret (`null`) empty their columns.
 */
export function sealSecrets(
  vault: Pick<Vault, "seal">,
  holder: KeyHolder,
  clear: { secret: string; headers: Record<string, string> },
): Omit<Sealed, "sealedPreviousSecret">;
export function sealSecrets(vault: Pick<Vault, "seal">, holder: KeyHolder, clear: Clear): Partial<Sealed>;
export function sealSecrets(vault: Pick<Vault, "seal">, holder: KeyHolder, clear: Clear): Partial<Sealed> {
  const { secret, previousSecret, headers } = clear;
  const sealed: Partial<Sealed> = {};
  if (secret !== undefined) sealed.sealedSecret = vault.seal(holder, "webhookSecret", secret);
  if (previousSecret !== undefined)
    sealed.sealedPreviousSecret =
      previousSecret === null ? null : vault.seal(holder, "webhookPreviousSecret", previousSecret);
  if (headers !== undefined) {
    sealed.headerNames = Object.keys(headers);
    sealed.sealedHeaders =
      sealed.headerNames.length === 0 ? null : vault.seal(holder, "webhookHeaders", JSON.stringify(headers));
  }
  return sealed;
}

/**
 * A webhook's secrets in clear: those that sign at `now` (milliseconds since the epoch), the current one first, and its own
 * headers. Fails `internal` as the vault does.
 */
export function openSecrets(
  vault: Pick<Vault, "openText">,
  row: KeyHolder & Pick<WebhookRow, "sealedSecret" | "sealedPreviousSecret" | "previousSecretUntil" | "sealedHeaders">,
  now: number,
): { secrets: string[]; headers: Record<string, string> } {
  const secrets = [vault.openText(row, "webhookSecret", row.sealedSecret)];
  if (row.sealedPreviousSecret !== null && isInOverlap(row, now))
    secrets.push(vault.openText(row, "webhookPreviousSecret", row.sealedPreviousSecret));
  const headers: Record<string, string> =
    row.sealedHeaders === null ? {} : JSON.parse(vault.openText(row, "webhookHeaders", row.sealedHeaders));
  return { secrets, headers };
}

/** Whether the secret before the last rotation signs as well. */
export function isInOverlap(row: Pick<WebhookRow, "previousSecretUntil">, now: number): boolean {
  return row.previousSecretUntil !== null && now < row.previousSecretUntil;
}
