import type { getSubmission as operation } from "../../operations/get-submission.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { submission, submissionParams } from "./schema.ts";

const route = contract({
  operationId: "submissions.get",
  method: "get",
  path: "/v1/accounts/{accountId}/submissions/{submissionId}",
  scope: "messages:send",
  tag: "Submissions",
  summary: "Get a submission",
  description: "Its state, and what became of each recipient so far.",
  request: { params: submissionParams },
  responses: {
    200: { description: "The submission.", content: { "application/json": { schema: submission } } },
  },
});

export function getSubmission(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, submissionId } = c.req.valid("param");
    return c.json(await run(c.var.caller, accountId, submissionId), 200);
  });
}
