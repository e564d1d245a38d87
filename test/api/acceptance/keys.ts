import { describe, expect, test } from "vitest";
import { scopes } from "../../../src/mail/tenant.ts";
import { good } from "../webhooks.ts";
import { lonely, type Page, type Stage } from "./stage.ts";
import { callerOf, newApp, refused } from "./target.ts";

export function keysContract(stage: () => Stage): void {
  describe("keys", () => {
    test("say who is calling, and are nothing any more when they are deleted", async () => {
      const { target } = stage();
      const app = await newApp(target);
      const me = await good(app.call("GET", "/v1/me"));
      expect(me).toMatchObject({ kind: "app", app: { id: app.id }, scopes, accountIds: null });
      const other = await app.newKey({ scopes: ["accounts:read"] });
      const operator = callerOf(target, target.operatorKey);
      const listed = await good(operator<Page<{ id: string }>>("GET", `/v1/apps/${app.id}/keys`));
      const one = await good(operator("GET", `/v1/apps/${app.id}/keys/${other.id}`));
      expect(one).toMatchObject({ id: other.id, appId: app.id, scopes: ["accounts:read"] });
      expect(listed.data).toContainEqual(one);
      expect(JSON.stringify(listed)).not.toContain(other.key);
      const apps = await good(operator<Page<{ id: string }>>("GET", "/v1/apps?limit=200"));
      expect(apps.data.map(({ id }) => id)).toContain(app.id);
      // By each replica that there may be.
      const askedByAll = async () => {
        const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => other.call("GET", "/v1/me")));
        return [...new Set(answers.map(({ status }) => status))];
      };
      expect(await askedByAll()).toEqual([200]);
      expect((await operator("DELETE", `/v1/apps/${app.id}/keys/${other.id}`)).status).toBe(204);
      expect(await askedByAll()).toEqual([401]);
    });

    test("that are none are refused alike", async () => {
      const { target } = stage();
      const answers = await Promise.all(
        ["", "pst_", `pst_${"0".repeat(49)}`].map((key) => callerOf(target, key)("GET", "/v1/accounts")),
      );
      for (const answer of answers) {
        expect(refused(answer)).toEqual([401, "unauthorized"]);
        expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer\b/);
      }
    });

    test("reach what their scopes, their accounts and their app allow", async () => {
      const { target, boxes } = stage();
      const app = await newApp(target);
      const { ann } = boxes;
      for (const path of [ann.path, `${ann.path}/messages`, `${ann.path}/folders`, `${ann.path}/submissions`]) {
        const answer = await app.call("GET", path);
        expect(refused(answer)).toEqual([404, "not-found"]);
        expect(answer.text).not.toContain(ann.user.username);
      }
      expect(await good(app.call("GET", "/v1/accounts"))).toEqual({ data: [], nextCursor: null });

      const reader = await app.newKey({ scopes: ["accounts:read"] });
      expect((await reader.call("GET", "/v1/accounts")).status).toBe(200);
      const denied = await reader.call("POST", "/v1/webhooks", { url: "https://example.org/" });
      expect(refused(denied)).toEqual([403, "scope-missing"]);
      expect(denied.body).toHaveProperty("fix");

      const store = async (email: string) =>
        (await good(app.call<{ id: string }>("POST", "/v1/accounts", lonely(email)))).id;
      const [mine, other] = [await store("mine@postern.test"), await store("other@postern.test")];
      const bound = await app.newKey({ accountIds: [mine] });
      const listed = await good(bound.call<Page<{ id: string }>>("GET", "/v1/accounts"));
      expect(listed.data.map(({ id }) => id)).toEqual([mine]);
      expect((await bound.call("GET", `/v1/accounts/${mine}`)).status).toBe(200);
      expect(refused(await bound.call("GET", `/v1/accounts/${other}`))).toEqual([404, "not-found"]);
      const third = await bound.call("POST", "/v1/accounts", lonely("third@postern.test"));
      expect(refused(third)).toEqual([403, "scope-missing"]);
      for (const id of [mine, other]) await good(app.call("POST", `/v1/accounts/${id}/pause`));
      const events = await good(bound.call<Page<{ accountId: string }>>("GET", "/v1/events"));
      expect(events.data.map(({ accountId }) => accountId)).toEqual([mine]);
    });

    test("open no door that is not there", async () => {
      const { call } = stage();
      expect(refused(await call("GET", "/v1/nothing"))).toEqual([404, "not-found"]);
      const wrong = await call("PUT", "/v1/accounts");
      expect(refused(wrong)).toEqual([405, "method-not-allowed"]);
      expect(wrong.headers.get("allow")).toContain("POST");
      for (const path of ["/livez", "/readyz", "/metrics", "/openapi.json"])
        expect((await call("GET", path)).status).toBe(200);
    });
  });
}
