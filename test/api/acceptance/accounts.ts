import { describe, expect, test } from "vitest";
import type { Account, AccountStatus } from "../../../src/mail/account.ts";
import { good } from "../webhooks.ts";
import { accountOn, type BoxName, listOf, newBox, type Page, post, sharedBoxes, type Stage } from "./stage.ts";
import { newApp, refused, type Traits } from "./target.ts";
import { testWhere } from "./test-where.ts";

const off = { watch: { mode: "off" } };

/** What an account on each protocol can do, of the two servers that all tests run on. */
const capabilities = {
  imap: { folders: true, move: true, keywords: true, append: true, search: "server", flagStorage: "server" },
  pop3: { folders: false, move: false, keywords: true, append: false, search: "headers", flagStorage: "gateway" },
};

export function accountsContract(stage: () => Stage, traits: Traits): void {
  describe("accounts", () => {
    test.each(Object.keys(sharedBoxes) as BoxName[])(
      "are stored after a login on both sides, and tell what they can do: %s",
      async (name) => {
        const { protocol, security } = sharedBoxes[name];
        const { account, user, path, call } = await newBox(stage(), stage().call, sharedBoxes[name], off);
        expect(account).toMatchObject({
          email: user.username,
          name: "Test User",
          incoming: { protocol, security, auth: { type: "password", username: user.username } },
          outgoing: { protocol: "smtp", security, auth: { type: "password", username: user.username } },
          onUncertain: "hold",
          saveToSent: "auto",
          capabilities: capabilities[protocol],
        });
        const { text, body } = await call<Account>("GET", path);
        expect(body).toMatchObject({
          id: account.id,
          incoming: account.incoming,
          capabilities: capabilities[protocol],
        });
        expect(text).not.toContain(user.password);
        const verified = await call("POST", `${path}/verify`);
        expect([verified.status, verified.body]).toMatchObject([200, { incoming: "ok", outgoing: "ok" }]);
        const status = await good(call<AccountStatus>("GET", `${path}/status`));
        expect(status).toMatchObject({ state: "connected", folders: [] });
      },
    );

    test.each([
      ["incoming", "imap"],
      ["incoming", "pop3"],
      ["outgoing", "imap"],
    ] as const)("are not stored with a wrong password: %s, %s", async (side, protocol) => {
      const { stack, call } = stage();
      const account = accountOn(stage(), stack.dovecot.user(), { protocol, security: "tls" });
      account[side].auth = { ...account[side].auth, password: "wrong-wrong-wrong" };
      const { status, headers, body, text } = await call("POST", "/v1/accounts", account);
      expect(status).toBe(422);
      expect(body).toMatchObject({
        code: "verification-failed",
        side,
        phase: "login",
        causeCode: "account-authentication-failed",
      });
      expect(headers.get("content-type")).toBe("application/problem+json");
      expect(text).not.toContain("wrong-wrong-wrong");
      const found = await good(call<Page<Account>>("GET", "/v1/accounts?limit=200"));
      expect(found.data.map(({ email }) => email)).not.toContain(account.email);
    });

    testWhere(traits.ownAuthority)("trust the authority that they name, and no other then", async () => {
      const { stack, call } = stage();
      const account = accountOn(stage(), stack.dovecot.user(), sharedBoxes.ann);
      const by = (ca: string) => ({ ...account, ...off, incoming: { ...account.incoming, tls: { ca } } });
      const other = await call("POST", "/v1/accounts", by(stack.certificates.selfSigned.cert));
      expect(refused(other)).toEqual([422, "verification-failed"]);
      expect(other.body).toMatchObject({ side: "incoming", phase: "tls", causeCode: "tls-verification-failed" });
      const ours = await call<Account>("POST", "/v1/accounts", by(stack.certificates.ca));
      expect([ours.status, ours.body.incoming?.tls]).toEqual([201, { ca: stack.certificates.ca }]);
    });

    test.each([
      ["/incoming/host", { host: "10.0.0.1" }, "address-not-allowed"],
      ["/incoming/port", { port: 0 }, "validation-failed"],
      [
        "/incoming/auth/username",
        { auth: { type: "password", username: "a\r\nb", password: "x" } },
        "validation-failed",
      ],
      ["/incoming/protocol", { protocol: "nntp" }, "validation-failed"],
      ["/incoming/hostt", { hostt: "x" }, "validation-failed"],
    ])("are refused with a pointer: %s", async (pointer, change, code) => {
      const { call, boxes } = stage();
      const account = accountOn(stage(), boxes.ann.user, sharedBoxes.ann);
      const wrong = { ...account, verify: false, incoming: { ...account.incoming, ...change } };
      const answer = await call("POST", "/v1/accounts", wrong);
      expect(refused(answer)).toEqual([422, code]);
      expect(answer.body["errors"]).toMatchObject([{ pointer }]);
    });

    test("are refused where the body leaves room for two readings, or is no JSON", async () => {
      const json = { "Content-Type": "application/json" };
      const store = (body: string, headers = json) => stage().call("POST", "/v1/accounts", body, headers);
      expect(refused(await store("{"))).toEqual([400, "invalid-json"]);
      const twice = await store('{"email":"a@b.c","email":"d@e.f"}');
      expect(refused(twice)).toEqual([422, "validation-failed"]);
      expect(twice.body).toMatchObject({ errors: [{ code: "duplicate-key" }] });
      const plain = { "Content-Type": "text/plain" };
      expect(refused(await store("email=x", plain))).toEqual([415, "unsupported-media-type"]);
    });

    test("are found by an externalId, which is unique in the app, and listed page by page", async () => {
      const { target, boxes } = stage();
      const app = await newApp(target);
      const made: string[] = [];
      for (const externalId of ["one", "two", "three"]) {
        const account = { ...accountOn(stage(), boxes.ann.user, sharedBoxes.ann), ...off, verify: false, externalId };
        made.push((await good(app.call<Account>("POST", "/v1/accounts", account))).id);
        expect(refused(await app.call("POST", "/v1/accounts", account))).toEqual([409, "account-exists"]);
      }
      const ids = async (query: string) => {
        const page = await good(app.call<Page<Account>>("GET", `/v1/accounts?${query}`));
        return { ids: page.data.map(({ id }) => id), nextCursor: page.nextCursor };
      };
      expect((await ids("externalId=two")).ids).toEqual(made.slice(1, 2));
      const first = await ids("limit=2");
      const second = await ids(`limit=2&cursor=${first.nextCursor}`);
      expect(second.nextCursor).toBeNull();
      expect([...first.ids, ...second.ids].toSorted()).toEqual(made.toSorted());
      const other = await app.call("GET", `/v1/accounts?externalId=two&cursor=${first.nextCursor}`);
      expect(refused(other)).toEqual([400, "invalid-cursor"]);
      expect(refused(await app.call("GET", "/v1/accounts?limit=1000"))).toEqual([422, "validation-failed"]);
    });

    test("are changed in what is named, and a changed server is logged in to first", async () => {
      const box = await newBox(stage(), stage().call, sharedBoxes.ann, { ...off, metadata: { plan: "free" } });
      const patch = (change: unknown) => box.call<Account>("PATCH", box.path, change);
      const changed = await good(patch({ name: null, metadata: { plan: "pro" } }));
      expect(changed).toMatchObject({ email: box.user.username, name: null, metadata: { plan: "pro" } });
      expect(changed.incoming).toEqual(box.account.incoming);
      expect(refused(await patch({}))).toEqual([422, "validation-failed"]);
      const elsewhere = await patch({ incoming: { host: "localhost" } });
      expect(refused(elsewhere)).toEqual([422, "validation-failed"]);
      expect(elsewhere.body).toMatchObject({ errors: [{ pointer: "/incoming/auth/password", code: "required" }] });
      const auth = { password: "not-the-password" };
      expect(refused(await patch({ incoming: { auth } }))).toEqual([422, "verification-failed"]);
      expect(await good(box.call("GET", box.path))).toEqual(changed);
      expect(await listOf(box)).toEqual([]);
    });

    test("are left alone while they are paused", async () => {
      const box = await newBox(stage(), stage().call, sharedBoxes.bob, off);
      expect(await listOf(box)).toEqual([]);
      const act = (verb: string) => good(box.call<AccountStatus>("POST", `${box.path}/${verb}`));
      expect((await act("pause")).state).toBe("paused");
      for (const path of ["/messages", "/folders", "/messages", "/folders"])
        expect(refused(await box.call("GET", box.path + path))).toEqual([409, "account-paused"]);
      expect((await act("resume")).state).not.toBe("paused");
      for (const path of ["/messages", "/folders", "/messages", "/folders"])
        expect((await box.call("GET", box.path + path)).status).toBe(200);
    });

    test("tell whose fault it is that a server can't be reached, and that it may be tried again", async () => {
      const { call, stack } = stage();
      const { outgoing: _, ...account } = accountOn(stage(), stack.dovecot.user(), sharedBoxes.ann);
      const away = { ...account, ...off, verify: false, incoming: { ...account.incoming, port: 1 } };
      const { id } = await good(call<Account>("POST", "/v1/accounts", away));
      const listing = await call("GET", `/v1/accounts/${id}/messages`);
      expect(refused(listing)).toEqual([502, "upstream-unreachable"]);
      expect(listing.body).toMatchObject({
        type: "urn:postern:problem:upstream-unreachable",
        retryable: true,
        upstream: { protocol: "imap", host: "127.0.0.1" },
        requestId: listing.headers.get("x-request-id"),
      });
      const status = await good(call("GET", `/v1/accounts/${id}/status`));
      expect(status).toMatchObject({ state: "unreachable", lastError: { code: "upstream-unreachable" } });
    });

    test("may have one side alone, and say so where the other is asked for", async () => {
      const { call, stack } = stage();
      const { incoming, outgoing, email } = accountOn(stage(), stack.dovecot.user(), sharedBoxes.ann);
      const store = async (side: object) =>
        (await good(call<Account>("POST", "/v1/accounts", { email, ...side, ...off }))).id;
      const [reads, sends] = await Promise.all([store({ incoming }), store({ outgoing })]);
      const at = (id: string) => ({ ...stage().boxes.ann, id, path: `/v1/accounts/${id}` });
      const message = { to: [{ email }], subject: "x", text: "x" };
      expect(refused(await post(at(reads), message))).toEqual([422, "no-outgoing"]);
      expect(refused(await call("GET", `/v1/accounts/${sends}/messages`))).toEqual([422, "no-incoming"]);
    });

    test("are gone when they are deleted, with all that is theirs", async () => {
      const box = await newBox(stage(), stage().call, sharedBoxes.cleo, off);
      await listOf(box);
      expect((await box.call("DELETE", box.path)).status).toBe(204);
      for (const [method, below] of [
        ["GET", ""],
        ["GET", "/status"],
        ["GET", "/messages"],
        ["GET", "/folders"],
        ["GET", "/submissions"],
        ["POST", "/verify"],
        ["DELETE", ""],
      ] as const)
        expect(refused(await box.call(method, box.path + below))).toEqual([404, "not-found"]);
    });
  });
}
