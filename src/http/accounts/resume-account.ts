import type { resumeAccount as operation } from "../../operations/resume-account.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { accountParams, accountStatus } from "./schema.ts";

const route = contract({
  operationId: "accounts.resume",
  method: "post",
  path: "/v1/accounts/{accountId}/resume",
  scope: "accounts:write",
  tag: "Accounts",
  summary: "Let a paused account go on",
  description:
    "It is watched again at once, and what happened meanwhile is told then; what is queued is sent when it is due. " +
    "The state is `connecting` until the first login. An account that is not paused stays as it is.",
  request: { params: accountParams },
  responses: {
    200: { description: "Its status.", content: { "application/json": { schema: accountStatus } } },
  },
});

export function resumeAccount(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("param").accountId), 200));
}
