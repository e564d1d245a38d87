import type { verifyAccount as operation } from "../../operations/verify-account.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { accountParams, verification } from "./schema.ts";

const route = contract({
  operationId: "accounts.verify",
  method: "post",
  path: "/v1/accounts/{accountId}/verify",
  scope: "accounts:write",
  tag: "Accounts",
  summary: "Log in now",
  description: "Logs in on each side. A success lets an account go on whose login had been refused.",
  request: { params: accountParams },
  responses: {
    200: { description: "Each side works.", content: { "application/json": { schema: verification } } },
  },
  errors: ["verification-failed"],
});

export function verifyAccount(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("param").accountId), 200));
}
