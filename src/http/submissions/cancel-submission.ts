import type { cancelSubmission as operation } from "../../operations/cancel-submission.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { submission, submissionParams } from "./schema.ts";

const route = contract({
  operationId: "submissions.cancel",
  method: "delete",
  path: "/v1/accounts/{accountId}/submissions/{submissionId}",
  scope: "messages:send",
  tag: "Submissions",
  summary: "Cancel a submission",
  description:
    "Takes a message back that is `scheduled` or `queued`: nothing of it goes out any more. Its recipients stand as they are, for an earlier attempt may have reached some. " +
    "Once it is being sent it is 409; who wants time to think sends with `undoSeconds`. Canceled twice, it is told as it is.",
  request: { params: submissionParams },
  responses: {
    200: { description: "The submission, canceled.", content: { "application/json": { schema: submission } } },
  },
  errors: ["not-cancelable"],
});

export function cancelSubmission(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, submissionId } = c.req.valid("param");
    return c.json(await run(c.var.caller, accountId, submissionId), 200);
  });
}
