import type { batchMessages as operation } from "../../operations/batch-messages.ts";
import type { BatchResult } from "../../operations/batch-rounds.ts";
import { accountParams } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { describeError } from "../log.ts";
import { problemBody } from "../problem.ts";
import { batchAnswer, batchInput } from "./batch-schema.ts";
import { bodyExpression } from "./search-expression.ts";
import { searchErrors } from "./search-schema.ts";
import { changeOf } from "./update-message.ts";

const route = contract({
  operationId: "messages.batch",
  method: "post",
  path: "/v1/accounts/{accountId}/messages/batch",
  scope: "messages:write",
  tag: "Messages",
  summary: "Change many messages",
  description:
    "One action on up to 1,000 messages, by their ids or by a search, in few commands to the mail server. Each message has a result of its " +
    "own: one that fails leaves the others as they are. What is not begun within 60 seconds is told as not done; see docs/batch.md.",
  request: { params: accountParams, body: batchInput },
  responses: {
    200: { description: "What became of each.", content: { "application/json": { schema: batchAnswer } } },
  },
  errors: searchErrors,
});

export function batchMessages(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { ids, search, action, dryRun } = c.req.valid("json");
    const { flags, keywords, folderId = null, delete: removal = null } = action;
    const change = flags === undefined && keywords === undefined ? null : changeOf(flags, keywords);
    const messages =
      search === undefined
        ? [...new Set(ids)]
        : { folder: search.folder ?? "all", expressionAt: bodyExpression(search, "/search") };
    const asked = { messages, action: { change, folderId, delete: removal }, dryRun, signal: c.req.raw.signal };
    const { results, meta } = await run(c.var.caller, c.req.valid("param").accountId, asked);
    const broken = results.find((result) => !result.ok && result.failure.code === "internal");
    if (broken?.ok === false) c.var.line.cause = describeError(broken.failure);
    const told = results.map((result) => view(result, c.var.requestId));
    return c.json({ results: told, ...(meta !== undefined && { meta }) }, 200);
  });
}

function view(result: BatchResult, requestId: string) {
  const { id, ok } = result;
  if (!result.ok) return { id, ok, problem: { ...problemBody(result.failure, requestId), code: result.failure.code } };
  const { folderId, warnings, would } = result;
  return { id, ok, ...(folderId !== null && { folderId }), warnings, ...(would !== undefined && { would }) };
}
