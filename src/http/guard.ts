import type { Context, MiddlewareHandler } from "hono";
import { Failure } from "../errors.ts";
import type { Caller } from "../mail/tenant.ts";
import { unauthorized } from "../operations/authenticate.ts";
import { accepts } from "./accept.ts";
import { announcedLength, beginJson, checkRaw } from "./body.ts";
import type { FrontEnv, RouteScope } from "./env.ts";
import { checkQuery } from "./query.ts";

type Rules = {
  operationId: string;
  /** With {braces}. */
  path: string;
  scope: RouteScope;
  queryNames: string[];
  /** Those of them that may stand more than once. */
  repeatable: string[];
  /** JSON is read here, once; of a raw body (null: none) only its media type and announced length are looked at. */
  body: "json" | { raw: string | null };
  /** Octets; null: the configured limit; `message`: that of a message. */
  maxBody: number | "message" | null;
  /** Media types of the good answers; none: Accept is not looked at. */
  produces: string[];
};

type Guarded = FrontEnv & { Variables: { caller: Caller | undefined } };

/** What is checked before a route's validators and handler run: key, scope, Accept, query names, strict body. */
export function guard(rules: Rules): MiddlewareHandler<Guarded> {
  return async (c, next) => {
    const line = c.get("line");
    line.route = rules.path;
    line.operation = rules.operationId;
    if (rules.scope !== "none") c.set("caller", await admit(c, rules.scope));
    const accept = c.req.header("accept");
    if (accept !== undefined && rules.produces.length > 0 && !accepts(accept, rules.produces)) {
      throw new Failure("not-acceptable", `This route answers with ${rules.produces.join(" or ")}.`, {
        fix: "Leave Accept out, or name one of these types.",
      });
    }
    checkQuery(new URL(c.req.url).search, rules.queryNames, rules.repeatable);
    const { config, maxMessage, maxJson = Infinity } = c.get("front");
    const most = rules.maxBody === "message" ? maxMessage : (rules.maxBody ?? config.maxBody);
    const limit = rules.body === "json" ? Math.min(most, maxJson) : most;
    if (rules.body !== "json") {
      if (rules.body.raw !== null) checkRaw(c.req.raw, rules.body.raw, limit);
      return next();
    }
    const body = await beginJson(c.req.raw, limit, config.maxBody);
    const readOn = async (): Promise<void> => {
      const value = await body.value();
      // The validator that follows asks the request for its JSON: it gets what was read strictly.
      Object.assign(c.req, { json: () => Promise.resolve(value) });
      await next();
    };
    if (!body.isLong) return readOn();
    try {
      // Held until the answer: so long the handler holds what was read.
      await c.var.memory.spend(line.appId ?? "", announcedLength(c.req.raw) ?? limit, readOn);
    } finally {
      await body.leave();
    }
  };
}

async function admit(c: Context<Guarded>, scope: Exclude<RouteScope, "none">): Promise<Caller> {
  const token = /^bearer +([\x21-\x7e]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  const caller = token === undefined ? null : await c.get("front").authenticate(token);
  if (caller === null) throw unauthorized();
  const line = c.get("line");
  if (caller.keyId !== null) line.keyId = caller.keyId;
  if (caller.kind === "app") line.appId = caller.appId;
  checkScope(caller, scope);
  const accountId = c.req.param("accountId");
  if (accountId !== undefined && caller.kind === "app") {
    // A key that is bound to accounts sees no other one, not even that it exists.
    if (caller.accountIds !== null && !caller.accountIds.includes(accountId)) {
      throw new Failure("not-found", "There is no such account.");
    }
    if (/^acc_[0-9a-v]{26}$/.test(accountId)) line.accountId = accountId;
  }
  return caller;
}

function checkScope(caller: Caller, scope: Exclude<RouteScope, "none">): void {
  if (scope === "any") return;
  if (scope === "operator") {
    if (caller.kind === "operator") return;
    throw new Failure("scope-missing", "This route takes an operator key; this is an app's key.", {
      fix: "Call it with the operator key that the first start printed, or with POSTERN_ADMIN_KEY.",
    });
  }
  if (caller.kind === "operator") {
    throw new Failure("scope-missing", "An operator key manages apps and keys; it sees no accounts and no mail.", {
      fix: "Make an app's key with POST /v1/apps/{appId}/keys and call with that.",
    });
  }
  if (!caller.scopes.includes(scope)) {
    throw new Failure("scope-missing", `The key lacks the scope ${scope}.`, {
      fix: `Call with a key that has the scope ${scope}.`,
    });
  }
}
