import type { createSubmission as operation } from "../../operations/create-submission.ts";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { acceptedHeaders, acceptedResponses, acceptHeaders } from "./accepted.ts";
import { waitOf } from "./prefer.ts";
import { submissionInput } from "./schema.ts";

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
    "address unless you name another; whether the account may use that is the mail server's to say. With `inReplyTo` it answers or forwards a " +
    "message of the account. What is known to be more than the mail server takes (its size, addresses that are not ASCII) is refused at once.",
  request: {
    params: accountParams,
    headers: acceptHeaders,
    body: submissionInput,
  },
  responses: acceptedResponses,
  errors: [
    "idempotency-key-reused",
    "no-outgoing",
    "account-paused",
    "message-too-large",
    // Where another message is read.
    "message-gone",
    ...mailboxErrors,
  ],
  maxBody: 35 * 1024 * 1024,
});

export function createSubmission(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId } = c.req.valid("param");
    const asked = c.req.valid("header");
    const waitSeconds = waitOf(asked.Prefer);
    const created = await run(c.get("caller"), accountId, c.req.valid("json"), {
      idempotencyKey: asked["Idempotency-Key"],
      waitSeconds,
      signal: c.req.raw.signal,
    });
    const headers = acceptedHeaders(created, waitSeconds);
    return created.final ? c.json(created.submission, 200, headers) : c.json(created.submission, 202, headers);
  });
}
