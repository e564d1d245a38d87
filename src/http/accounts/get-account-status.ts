import type { getAccountStatus as operation } from "../../operations/get-account-status.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { accountParams, accountStatus } from "./schema.ts";

const route = contract({
  operationId: "accounts.status",
  method: "get",
  path: "/v1/accounts/{accountId}/status",
  scope: "accounts:read",
  tag: "Accounts",
  summary: "How an account is doing",
  description:
    "What the last login found out, since when, and why; and when each watched folder was looked at last, and how. Asks the database " +
    "only, not the mail server.",
  request: { params: accountParams },
  responses: {
    200: { description: "The status.", content: { "application/json": { schema: accountStatus } } },
  },
});

export function getAccountStatus(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("param").accountId), 200));
}
