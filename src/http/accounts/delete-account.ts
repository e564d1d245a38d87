import type { deleteAccount as operation } from "../../operations/delete-account.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { accountParams } from "./schema.ts";

const route = contract({
  operationId: "accounts.delete",
  method: "delete",
  path: "/v1/accounts/{accountId}",
  scope: "accounts:write",
  tag: "Accounts",
  summary: "Remove an account",
  description: "Forgets the account, its credentials and its submissions. Mail on the server stays where it is.",
  request: { params: accountParams },
  responses: { 204: { description: "It is removed." } },
});

export function deleteAccount(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    await run(c.var.caller, c.req.valid("param").accountId);
    return c.body(null, 204);
  });
}
