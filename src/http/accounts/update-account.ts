import type { updateAccount as operation } from "../../operations/update-account.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { account, accountParams, accountPatch } from "./schema.ts";

const route = contract({
  operationId: "accounts.update",
  method: "patch",
  path: "/v1/accounts/{accountId}",
  scope: "accounts:write",
  tag: "Accounts",
  summary: "Change an account",
  description:
    "What is absent stays. A change of a server's host, port, security or tls needs its password again, so that a stored password " +
    "can't be sent elsewhere. The protocol can't be changed: store a new account. Another host or username of `incoming` is another " +
    "mailbox: its folders get new ids, and the next look at it is a first one.",
  request: { params: accountParams, body: accountPatch },
  responses: {
    200: { description: "The account as it is now.", content: { "application/json": { schema: account } } },
  },
  errors: ["account-exists", "address-not-allowed", "unsupported-by-runtime", "verification-failed"],
});

export function updateAccount(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) =>
    c.json(await run(c.var.caller, c.req.valid("param").accountId, c.req.valid("json")), 200),
  );
}
