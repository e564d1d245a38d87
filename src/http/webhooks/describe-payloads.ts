import { z } from "@hono/zod-openapi";
import type { Front } from "../env.ts";
import { eventDescriptions } from "../events/descriptions.ts";
import { event } from "../events/schema.ts";

/** The three headers by which a receiver knows who sends, as the Standard Webhooks spec names them. */
const headers = z.object({
  "webhook-id": z.string().openapi({
    description:
      "The event's id. The same whenever it is sent again: what you have had already, answer 2xx and leave it at that.",
    example: "evt_0c8jv4h2m9q6s1t7r3n5k8p0ba",
  }),
  "webhook-timestamp": z.string().openapi({
    description: "When this attempt was made, seconds since 1970. Refuse what is older than some minutes.",
    example: "1795339800",
  }),
  "webhook-signature": z.string().openapi({
    description:
      "`v1,` and the base64 of the HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}`, with the octets behind `whsec_` as its key. " +
      "Several are parted by a space (after a rotation); one that fits is enough.",
    example: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  }),
});

const responses = {
  "2XX": { description: "You have it: answer within 15 seconds, before any long work. The body does not matter." },
  "410": { description: "Send nothing any more: the webhook is disabled (`webhook.disabled`)." },
  "429": {
    description:
      "Too much at once. With `Retry-After` (seconds or a date, up to a day; on 503 too) the webhook is left alone until then, and no delivery loses " +
      "an attempt by waiting.",
  },
  default: {
    description:
      "Everything else has failed, a redirect too, and comes again: after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h. After " +
      "the tenth attempt the delivery is `failed`; after five days of only failures the webhook is disabled.",
  },
};

const about =
  "POSTed to the `url` of each webhook that asks for it; the body is the event as the log has it, 20,000 octets at most: of a longer one long lists and " +
  "texts are shortened, and `data.truncated` names them. Each event is sent at least once; the order is not kept (`sequence` tells it).";

/** The document's `webhooks`: what is sent for each type of event. Nothing is routed by it. */
export function describePayloads(app: Front): void {
  for (const payload of event.options) {
    const type = payload.shape.type.value;
    app.openAPIRegistry.registerWebhook({
      path: type,
      method: "post",
      operationId: `onEvent.${type}`,
      tags: ["Webhooks"],
      summary: type,
      description: `${eventDescriptions[type]}\n\n${about}`,
      security: [],
      request: { headers, body: { required: true, content: { "application/json": { schema: payload } } } },
      responses,
    });
  }
}
