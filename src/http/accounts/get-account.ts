import type { getAccount as operation } from "../../operations/get-account.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { account, accountParams } from "./schema.ts";

const route = contract({
  operationId: "accounts.get",
  method: "get",
  path: "/v1/accounts/{accountId}",
  scope: "accounts:read",
  tag: "Accounts",
  summary: "Read an account",
  description: "Everything but its passwords.",
  request: { params: accountParams },
  responses: {
    200: { description: "The account.", content: { "application/json": { schema: account } } },
  },
});

export function getAccount(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("param").accountId), 200));
}
