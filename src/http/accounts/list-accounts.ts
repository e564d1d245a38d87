import { z } from "@hono/zod-openapi";
import type { listAccounts as operation } from "../../operations/list-accounts.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { oneLine, pageOf, pageQuery } from "../schemas.ts";
import { account } from "./schema.ts";

const route = contract({
  operationId: "accounts.list",
  method: "get",
  path: "/v1/accounts",
  scope: "accounts:read",
  tag: "Accounts",
  summary: "List the accounts",
  description: "The accounts that this key reaches, in a stable order.",
  request: {
    query: z.strictObject({
      ...pageQuery,
      externalId: oneLine(200).optional().openapi({ description: "Only the account with this id of yours." }),
    }),
  },
  responses: {
    200: { description: "A page of accounts.", content: { "application/json": { schema: pageOf(account) } } },
  },
});

export function listAccounts(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("query")), 200));
}
