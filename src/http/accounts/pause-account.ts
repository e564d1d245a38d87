import type { pauseAccount as operation } from "../../operations/pause-account.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { accountParams, accountStatus } from "./schema.ts";

const route = contract({
  operationId: "accounts.pause",
  method: "post",
  path: "/v1/accounts/{accountId}/pause",
  scope: "accounts:write",
  tag: "Accounts",
  summary: "Leave an account alone",
  description:
    "From now on nothing logs in to the account's mail servers but a verification that you ask for: it is not watched, requests that need the servers answer 409 `account-paused`, " +
    "and what is queued to be sent waits. `account.paused` stands in the event log. A paused account stays as it is.",
  request: { params: accountParams },
  responses: {
    200: { description: "Its status.", content: { "application/json": { schema: accountStatus } } },
  },
});

export function pauseAccount(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("param").accountId), 200));
}
