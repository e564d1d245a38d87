import type { AppCaller } from "../mail/tenant.ts";
import { timestampOrNull } from "../mail/time.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import { mintSecret } from "../webhooks/secret.ts";
import { openSecrets, sealSecrets } from "../webhooks/secrets-of.ts";
import { findWebhook } from "./find-webhook.ts";
import { requireSecret } from "./require-secret.ts";

export type RotatedSecret = { secret: string; previousSecretUntil: string | null };

/** How long the secret before signs as well, milliseconds. */
const overlap = 24 * 3_600_000;

/**
 * Gives a webhook another secret. For a day each request is signed by both; what was before the two is forgotten. The secret that it has
 * already changes nothing, so that a rotation to one's own may be asked for again. Fails `not-found`, `validation-failed`.
 */
export const rotateWebhookSecret =
  (needs: { webhooks: Pick<Store["webhooks"], "get" | "update">; vault: Vault; clock: Pick<Clock, "now"> }) =>
  async (caller: AppCaller, webhookId: string, input: { secret?: string | undefined }): Promise<RotatedSecret> => {
    const secret = input.secret === undefined ? mintSecret() : requireSecret(input.secret);
    for (;;) {
      const before = await findWebhook(needs.webhooks, caller, webhookId);
      const now = needs.clock.now();
      const [current = ""] = openSecrets(needs.vault, before, now).secrets;
      if (secret === current) {
        const until = before.previousSecretUntil;
        return { secret, previousSecretUntil: timestampOrNull(until !== null && until > now ? until : null) };
      }
      const previousSecretUntil = now + overlap;
      const row = {
        ...before,
        ...sealSecrets(needs.vault, before, { secret, previousSecret: current }),
        previousSecretUntil,
        updatedAt: now,
      };
      if (await needs.webhooks.update(row, before.version))
        return { secret, previousSecretUntil: timestampOrNull(previousSecretUntil) };
    }
  };
