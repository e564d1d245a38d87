import { z } from "@hono/zod-openapi";
import type { createRawSubmission as operation } from "../../operations/create-raw-submission.ts";
import { accountParams } from "../accounts/schema.ts";
import { announcedLength, rawBytes } from "../body.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { integerQuery, listQuery, timestampInput } from "../schemas.ts";
import { acceptedHeaders, acceptedResponses, acceptHeaders } from "./accepted.ts";
import { waitOf } from "./prefer.ts";

const email = z.string().min(1).max(320);

const route = contract({
  operationId: "submissions.createRaw",
  method: "post",
  path: "/v1/accounts/{accountId}/submissions/raw",
  scope: "messages:send",
  tag: "Submissions",
  summary: "Send a raw message",
  description:
    "The body is the message (RFC 5322), of POSTERN_MAX_MESSAGE octets at most (50 MiB by default); it is on disk before this answers, and then sent as " +
    "one that was built here. It goes out as it is, signatures and all, but for this: Bcc and Resent-Bcc are taken away, a Date and a Message-ID are added where " +
    "there is none, and a line end that is a bare LF or CR becomes CRLF. A NUL is refused. Who gets it is what `to` says, or else all of To, Cc " +
    "and Bcc; who is told of failures is what `from` says, or else the header's Sender or From. The same Idempotency-Key with the same octets " +
    "and the same query gets the first answer again.",
  request: {
    params: accountParams,
    query: z.strictObject({
      from: email.optional().openapi({
        description: "Who sends it, by the envelope (RFC 5321 §2.3.1).",
        example: "ann@example.com",
      }),
      to: listQuery(email, 100)
        .optional()
        .openapi({
          type: "array",
          items: { type: "string" },
          maxItems: 100,
          description: "Who gets it, whatever the header says. Repeat the name, or put commas between the addresses.",
          example: ["bob@example.org"],
        }),
      sendAt: timestampInput.optional().openapi({ description: "Send then, at most a year ahead." }),
      undoSeconds: integerQuery(1, 3600).optional().openapi({
        type: "integer",
        minimum: 1,
        maximum: 3600,
        description: "Send after so many seconds, in which it can be canceled; not beside `sendAt`.",
      }),
      deliverBefore: timestampInput.optional().openapi({
        description: "Give up then. Three days after the message is due by default, 30 at most.",
      }),
      saveToSent: z.enum(["auto", "always", "never"]).optional().openapi({
        description: "Whether a copy goes into the sent folder; the account's own setting by default.",
      }),
    }),
    headers: acceptHeaders,
    raw: "message/rfc822",
  },
  repeatable: ["to"],
  responses: acceptedResponses,
  errors: ["idempotency-key-reused", "no-outgoing", "account-paused", "message-too-large", "unsupported-by-server"],
  maxBody: "message",
});

export function createRawSubmission(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId } = c.req.valid("param");
    const { from, to, ...sending } = c.req.valid("query");
    const asked = c.req.valid("header");
    const waitSeconds = waitOf(asked.Prefer);
    const message = {
      announced: announcedLength(c.req.raw),
      read: (limit: number) => rawBytes(c.req.raw, limit),
    };
    const created = await run(c.var.caller, accountId, { ...sending, envelope: { from, to } }, message, {
      idempotencyKey: asked["Idempotency-Key"],
      waitSeconds,
      signal: c.req.raw.signal,
    });
    const headers = acceptedHeaders(created, waitSeconds);
    return created.final ? c.json(created.submission, 200, headers) : c.json(created.submission, 202, headers);
  });
}
