import { z } from "@hono/zod-openapi";
import { eventTypes } from "../../mail/event.ts";
import { folderRoles } from "../../mail/folder.ts";
import { deliveryStates } from "../../mail/webhook.ts";
import { id, idParam, listQuery, nullable, oneLine, timestamp } from "../schemas.ts";

export const webhookParams = z.object({ webhookId: idParam("whk", "The webhook.") });
export const deliveryParams = webhookParams.extend({ deliveryId: idParam("dlv", "The delivery.") });

function distinct<T extends z.ZodType>(item: T, max: number) {
  return z
    .array(item)
    .min(1)
    .max(max)
    .refine((items) => new Set(items).size === items.length, {
      error: "names something twice",
      params: { code: "duplicate" },
    });
}

const eventType = z.enum(eventTypes).openapi("EventType", { example: "message.created" });

const url = z
  .string()
  .min(1)
  .max(2048)
  .openapi({
    description:
      "Where to POST to: https, without user name and fragment. The port is 443, 8443, or one that the operator allows; http and private " +
      "addresses need the operator's permission.",
    example: "https://crm.example.org/hooks/postern",
  });
const description = z
  .union([z.literal(""), oneLine(500)])
  .openapi({ description: "For people.", example: "New mail to the CRM" });
const types = nullable(distinct(eventType, eventTypes.length)).openapi({
  description: "Only events of these types. Null: all, also those that are new in later versions.",
  example: ["message.created"],
});
const accountIds = nullable(distinct(id("acc"), 100)).openapi({
  description:
    "Only events of these accounts. Null: all of the app, later ones too, and what is about no account (`webhook.disabled`). " +
    "A key that is bound to accounts names some of its own.",
});
const roles = nullable(distinct(z.enum(folderRoles), folderRoles.length)).openapi({
  description:
    "Of the events about messages and folders, only those in folders with one of these roles: `inbox` alone leaves out what happens to sent " +
    "mail. All other events pass. Null: any folder.",
});
const maxConcurrency = z.int().min(1).max(100).openapi({
  description:
    "Requests under way at once, at most, of each Postern process. After five failures in a row it is one, until a delivery works again.",
});
const maxPerSecond = nullable(z.int().min(1).max(1000)).openapi({
  description: "Requests begun in a second, at most, by each Postern process. Null: as many as there are.",
});
const enabled = z
  .boolean()
  .openapi({ description: "False: nothing is sent, and of what happens nothing is kept for it." });
const headers = z.record(z.string(), z.string()).openapi({
  maxProperties: 20,
  description:
    "Sent with each request: an API key of your receiver, for instance. At most 20, 8,192 characters together; write-only: sealed, and never answered. Not those that HTTP or Postern " +
    "sets itself (`Host`, `Content-…`, `User-Agent`, `webhook-…` and others); `Accept` goes in place of `*/*`.",
  example: { "X-Api-Key": "a-key-of-my-receiver" },
});
const secret = z.string().max(200).openapi({
  format: "password",
  description: "What signs the requests: `whsec_` and the base64 of 24 to 64 octets.",
  example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
});

export const webhookInput = z
  .strictObject({
    url,
    description: description.default(""),
    types: types.default(null),
    accountIds: accountIds.default(null),
    folderRoles: roles.default(null),
    headers: headers.default({}),
    secret: secret.optional().openapi({ description: "One of your own; without it Postern makes one." }),
    maxConcurrency: maxConcurrency.default(20),
    maxPerSecond: maxPerSecond.default(null),
    enabled: enabled.default(true),
  })
  .openapi("WebhookInput", {
    example: {
      url: "https://crm.example.org/hooks/postern",
      description: "New mail to the CRM",
      types: ["message.created", "message.updated"],
      folderRoles: ["inbox"],
    },
  });

export const webhookPatch = z
  .strictObject({
    url: url.optional(),
    description: description.optional(),
    types: types.optional(),
    accountIds: accountIds.optional(),
    folderRoles: roles.optional(),
    headers: headers.optional(),
    maxConcurrency: maxConcurrency.optional(),
    maxPerSecond: maxPerSecond.optional(),
    enabled: enabled.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, { error: "changes nothing" })
  .openapi("WebhookPatch", { example: { types: ["message.created"], enabled: true } });

export const webhook = z
  .object({
    id: id("whk"),
    url,
    description: z.string(),
    types,
    accountIds,
    folderRoles: roles,
    headerNames: z
      .array(z.string())
      .openapi({ description: "The names of its own headers; their values are not answered.", example: ["X-Api-Key"] }),
    maxConcurrency,
    maxPerSecond,
    state: z.enum(["enabled", "disabled"]),
    disabledBecause: nullable(z.enum(["caller", "gone", "failing"])).openapi({
      description:
        "`caller`: a call of this API; `gone`: the receiver answered 410; `failing`: nothing has worked for five days. Null while it is enabled.",
    }),
    disabledAt: nullable(timestamp),
    failingSince: nullable(timestamp).openapi({
      description: "When the first of the failures was since which nothing was delivered; null while all is well.",
    }),
    holdUntil: nullable(timestamp).openapi({
      description: "The receiver asked to be left alone until then (429 or 503 with Retry-After).",
    }),
    previousSecretUntil: nullable(timestamp).openapi({
      description: "Until then requests are signed by the secret before the last rotation too.",
    }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .openapi("Webhook");

export const newWebhook = webhook
  .extend({ secret: secret.openapi({ description: "Keep it: this is the only time that it is told." }) })
  .openapi("NewWebhook");

export const secretInput = z
  .strictObject({
    secret: secret.optional().openapi({ description: "One of your own; without it Postern makes one." }),
  })
  .openapi("WebhookSecretInput", { example: {} });

export const rotatedSecret = z
  .object({
    secret: secret.openapi({ description: "Keep it: this is the only time that it is told." }),
    previousSecretUntil: nullable(timestamp).openapi({
      description:
        "Until then the secret before signs as well. Null where there is none, because the secret is the one that it was.",
    }),
  })
  .openapi("RotatedSecret");

export const testInput = z
  .strictObject({ type: eventType.openapi({ description: "An example of this type is sent." }) })
  .openapi("WebhookTestInput", { example: { type: "message.created" } });

const deliveryState = z.enum(deliveryStates).openapi("DeliveryState", {
  description:
    "`pending` waits for its time; `delivering` is under way; `delivered` was answered 2xx; `failed` is not tried again by itself; `parked` neither, " +
    "because Postern broke down over it three times.",
});

export const stateQuery = listQuery(deliveryState, deliveryStates.length)
  .optional()
  .openapi({
    items: { type: "string", enum: [...deliveryStates] },
    description: "Only deliveries in these states.",
    example: ["failed"],
  });

const attempt = z
  .object({
    at: timestamp,
    durationMs: z
      .int()
      .openapi({ description: "Until the head of the answer came, or until it was given up.", example: 84 }),
    status: nullable(z.int()).openapi({
      description: "The answer's HTTP status; null without an answer.",
      example: 503,
    }),
    error: nullable(z.object({ code: z.string(), detail: z.string() })).openapi({
      description: "Why there is no answer; null where there is one, whichever.",
    }),
    excerpt: nullable(z.string()).openapi({
      description: "How the answer's body begins, at most 1,000 characters. Words of a stranger.",
      example: "Service Unavailable",
    }),
  })
  .openapi("DeliveryAttempt");

export const delivery = z
  .object({
    id: id("dlv"),
    webhookId: id("whk"),
    eventId: id("evt").openapi({ description: "Also the `webhook-id` of its requests." }),
    type: eventType,
    accountId: nullable(id("acc")).openapi({ description: "Null for an event of no account." }),
    test: z.boolean().openapi({ description: "It was asked for by `…/test`, and its event stands in no log." }),
    state: deliveryState,
    attemptCount: z.int().openapi({ description: "All attempts so far.", example: 1 }),
    attempts: z.array(attempt).openapi({ description: "The last 20, oldest first." }),
    nextAttemptAt: nullable(timestamp).openapi({ description: "Null when it is under way or over." }),
    createdAt: timestamp,
    finishedAt: nullable(timestamp),
  })
  .openapi("Delivery");
