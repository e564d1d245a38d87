import { z } from "@hono/zod-openapi";
import type { CreatedSubmission } from "../../operations/accept-submission.ts";
import { idempotencyHeaders } from "../schemas.ts";
import { submission } from "./schema.ts";

/** What both routes that accept a message take in their headers. */
export const acceptHeaders = idempotencyHeaders.extend({
  Prefer: z.string().max(1000).optional().openapi({ description: "RFC 7240.", example: "wait=10" }),
});

const headers = {
  Location: { description: "Where the submission is.", schema: { type: "string" } },
  "Idempotency-Replayed": {
    description: "`true` where the same request was accepted before.",
    schema: { type: "string", example: "true" },
  },
  "Preference-Applied": {
    description: "The `wait` that was granted.",
    schema: { type: "string", example: "wait=10" },
  },
} as const;

const content = { "application/json": { schema: submission } };

/** The good answers of both. */
export const acceptedResponses = {
  200: { description: "The submission, in its final state.", headers, content },
  202: { description: "The submission, accepted.", headers, content },
} as const;

/** What of an answer is told beside its body. */
export function acceptedHeaders({ submission: told, replayed }: CreatedSubmission, waitSeconds: number) {
  return {
    Location: `/v1/accounts/${told.accountId}/submissions/${told.id}`,
    ...(replayed && { "Idempotency-Replayed": "true" }),
    ...(waitSeconds > 0 && { "Preference-Applied": `wait=${waitSeconds}` }),
  };
}
