import { z } from "@hono/zod-openapi";
import { id, idParam, nullable, oneLine, scope, timestamp, timestampInput } from "../schemas.ts";

const accountIds = z.array(id("acc")).min(1).max(100).openapi({
  description: "The only accounts that the key reaches. Null: all of the app, later ones too.",
});

export const apiKey = z
  .object({
    id: id("key"),
    appId: id("app"),
    name: z.string().openapi({ description: "For people.", example: "Nightly import" }),
    hint: z.string().openapi({ description: "How the key begins, to recognise it by.", example: "pst_7Tq2…" }),
    scopes: z.array(scope).openapi({ description: "What the key may do." }),
    accountIds: nullable(accountIds),
    expiresAt: nullable(timestamp).openapi({ description: "Refused from then on. Null: never." }),
    createdAt: timestamp,
  })
  .openapi("ApiKey");

export const newApiKey = apiKey
  .extend({
    key: z.string().openapi({
      description: "The key itself. It is told this once and can't be read again: we keep only its hash.",
      example: "pst_7Tq2mBd0rZx5vK1nWc8yHs4jLf6gPa9eUo3iQt7bRk2wYxM0dVh1E",
    }),
  })
  .openapi("NewApiKey");

export const apiKeyInput = z
  .strictObject({
    name: oneLine(200).openapi({ description: "For people; need not be unique.", example: "Nightly import" }),
    scopes: z
      .array(scope)
      .min(1)
      .refine((names) => new Set(names).size === names.length, {
        error: "names a scope twice",
        params: { code: "duplicate" },
      })
      .openapi({ description: "What the key may do.", example: ["messages:read", "messages:send"] }),
    accountIds: nullable(accountIds).default(null),
    expiresAt: nullable(timestampInput).default(null),
  })
  .openapi("ApiKeyInput");

export const appParam = z.object({ appId: idParam("app", "The app's id.") });

export const keyParams = appParam.extend({ keyId: idParam("key", "The key's id.") });
