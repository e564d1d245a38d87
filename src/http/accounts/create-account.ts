import type { createAccount as operation } from "../../operations/create-account.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { account, accountInput } from "./schema.ts";

const route = contract({
  operationId: "accounts.create",
  method: "post",
  path: "/v1/accounts",
  scope: "accounts:write",
  tag: "Accounts",
  summary: "Store an account",
  description:
    "Stores a mailbox that exists already, at any provider. Postern logs in on both sides first, so that a wrong password " +
    "is told now; `verify: false` skips that. Passwords are sealed and never answered.",
  request: { body: accountInput },
  responses: {
    201: { description: "The account.", content: { "application/json": { schema: account } } },
  },
  errors: ["account-exists", "address-not-allowed", "unsupported-by-runtime", "verification-failed"],
});

export function createAccount(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("json")), 201));
}
