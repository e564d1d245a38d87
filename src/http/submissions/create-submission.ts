import { z } from "@hono/zod-openapi";
import type { createSubmission as operation } from "../../operations/create-submission.ts";
import { accountParams } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { idempotencyHeaders } from "../schemas.ts";
import { waitOf } from "./prefer.ts";
import { submission, submissionInput } from "./schema.ts";

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

const route = contract({
  operationId: "submissions.create",
  method: "post",
  path: "/v1/accounts/{accountId}/submissions",
  scope: "messages:send",
  tag: "Submissions",
  summary: "Send a message",
  description:
    "The message is built once and on disk before this answers; then it is sent, and tried again where a server asks for " +
    "that. What becomes of each recipient is told in the submission, never as a failure of this call. With " +
    "`Prefer: wait=N` it answers 200 as soon as the outcome is known, and 202 after N seconds (60 at most). The same " +
    "Idempotency-Key again gets the first answer again, or with `Prefer: wait` the state by now. `from` is the account's own " +
    "address unless you name another; whether the account may use that is the mail server's to say.",
  request: {
    params: accountParams,
    headers: idempotencyHeaders.extend({
      Prefer: z.string().max(1000).optional().openapi({ description: "RFC 7240.", example: "wait=10" }),
    }),
    body: submissionInput,
  },
  responses: {
    200: {
      description: "The submission, in its final state.",
      headers,
      content: { "application/json": { schema: submission } },
    },
    202: { description: "The submission, accepted.", headers, content: { "application/json": { schema: submission } } },
  },
  errors: ["idempotency-key-reused", "no-outgoing", "account-paused", "message-too-large", "unsupported-by-runtime"],
  maxBody: 35 * 1024 * 1024,
});

export function createSubmission(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId } = c.req.valid("param");
    const asked = c.req.valid("header");
    const waitSeconds = waitOf(asked.Prefer);
    const created = await run(c.var.caller, accountId, c.req.valid("json"), {
      idempotencyKey: asked["Idempotency-Key"],
      waitSeconds,
      signal: c.req.raw.signal,
    });
    c.header("Location", `/v1/accounts/${accountId}/submissions/${created.submission.id}`);
    if (created.replayed) c.header("Idempotency-Replayed", "true");
    if (waitSeconds > 0) c.header("Preference-Applied", `wait=${waitSeconds}`);
    return created.final ? c.json(created.submission, 200) : c.json(created.submission, 202);
  });
}
