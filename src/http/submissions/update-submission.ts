import type { updateSubmission as operation } from "../../operations/update-submission.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { submission, submissionParams, submissionPatch } from "./schema.ts";

const route = contract({
  operationId: "submissions.update",
  method: "patch",
  path: "/v1/accounts/{accountId}/submissions/{submissionId}",
  scope: "messages:send",
  tag: "Submissions",
  summary: "Reschedule a submission, or settle an uncertain one",
  description:
    "`sendAt` puts a message off that waits, or sends it at once (null). `resolve` says what became of one that is `uncertain`: look into the sent folder, or " +
    "ask a recipient, and tell. In any other state it is 409.",
  request: { params: submissionParams, body: submissionPatch },
  responses: {
    200: { description: "The submission as it is now.", content: { "application/json": { schema: submission } } },
  },
  errors: ["not-changeable"],
});

export function updateSubmission(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, submissionId } = c.req.valid("param");
    const { resolve, sendAt = null } = c.req.valid("json");
    const patch = resolve === undefined ? { sendAt } : { resolve };
    return c.json(await run(c.var.caller, accountId, submissionId, patch), 200);
  });
}
