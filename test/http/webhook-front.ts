import type { Front } from "../../src/http/env.ts";
import { createFront } from "../../src/http/front.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { createWebhook } from "../../src/http/webhooks/create-webhook.ts";
import { deleteWebhook } from "../../src/http/webhooks/delete-webhook.ts";
import { getDelivery } from "../../src/http/webhooks/get-delivery.ts";
import { getWebhook } from "../../src/http/webhooks/get-webhook.ts";
import { listDeliveries } from "../../src/http/webhooks/list-deliveries.ts";
import { listWebhooks } from "../../src/http/webhooks/list-webhooks.ts";
import { redeliver } from "../../src/http/webhooks/redeliver.ts";
import { rotateWebhookSecret } from "../../src/http/webhooks/rotate-webhook-secret.ts";
import { testWebhook } from "../../src/http/webhooks/test-webhook.ts";
import { updateWebhook } from "../../src/http/webhooks/update-webhook.ts";
import type { Caller } from "../../src/mail/tenant.ts";
import type { Clock } from "../../src/observe.ts";
import type { WebhookHouse } from "../operations/webhook-house.ts";

/** The routes of webhooks. */
export function webhookRoutes(app: Front, run: WebhookHouse["operations"]): void {
  createWebhook(app, run.createWebhook);
  listWebhooks(app, run.listWebhooks);
  getWebhook(app, run.getWebhook);
  updateWebhook(app, run.updateWebhook);
  deleteWebhook(app, run.deleteWebhook);
  testWebhook(app, run.testWebhook);
  rotateWebhookSecret(app, run.rotateWebhookSecret);
  listDeliveries(app, run.listDeliveries);
  getDelivery(app, run.getDelivery);
  redeliver(app, run.redeliver);
}

/** A front door with them alone, whose keys are what `callers` says. */
export function webhookFront(
  clock: Clock,
  run: WebhookHouse["operations"],
  callers: (token: string) => Caller | null,
): Front {
  const app = createFront({
    config: { maxBody: 64 * 1024, publicUrl: null },
    maxMessage: 2_000_000,
    log: { write: () => {} },
    metrics: createMetrics(),
    clock,
    authenticate: (token) => Promise.resolve(callers(token)),
    ready: () => Promise.resolve(),
    docsScript: null,
  });
  webhookRoutes(app, run);
  return app;
}
