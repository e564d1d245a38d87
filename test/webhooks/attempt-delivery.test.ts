import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Event } from "../../src/mail/event.ts";
import type { WebhookAnswer, WebhookRequest } from "../../src/mail/webhook.ts";
import { createGuard } from "../../src/net/guard.ts";
import { attemptDelivery } from "../../src/webhooks/attempt-delivery.ts";
import { mintSecret } from "../../src/webhooks/secret.ts";
import { sealSecrets } from "../../src/webhooks/secrets-of.ts";
import { secret, vault, webhookRow } from "./rows.ts";

const event: Event = {
  id: "evt_0c8jv4h2m9q6s1t7r3n5k8p0ba",
  type: "message.deleted",
  createdAt: "2026-11-23T10:00:00.000Z",
  accountId: "acc_1",
  externalId: null,
  sequence: 1,
  data: { id: "msg_1", folderIds: ["fld_1"], actor: "external" },
};

const message = { id: event.id, body: JSON.stringify(event) };

const said = (body: string, more: Partial<WebhookAnswer> = {}): WebhookAnswer => ({
  status: 200,
  retryAfter: null,
  headAfterMs: 20,
  body: Buffer.from(body),
  ...more,
});

type World = {
  now: number;
  addresses: string[];
  lookUps: number;
  opened: number;
  requests: WebhookRequest[];
  attempt: ReturnType<typeof attemptDelivery>;
};

/** A world in which names resolve to what `addresses` says at the moment, and requests are answered by `answer`. */
function world(answer: (request: WebhookRequest) => WebhookAnswer | Promise<WebhookAnswer> = () => said("ok")): World {
  const made: World = {
    now: Date.now(),
    addresses: ["93.184.215.14"],
    lookUps: 0,
    opened: 0,
    requests: [],
    attempt: attemptDelivery({
      vault: {
        openText: (...asked) => {
          made.opened += 1;
          return vault.openText(...asked);
        },
      },
      guard: createGuard({
        resolve: async () => {
          made.lookUps += 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
          return made.addresses;
        },
        allowNetworks: ["10.0.0.0/8"],
        allowPorts: [],
        allowInsecure: false,
        pin: true,
        timeoutMs: 1_000,
      }),
      poster: {
        post: async (request) => {
          made.requests.push(request);
          return answer(request);
        },
      },
      clock: { now: () => made.now },
      timeoutMs: 15_000,
    }),
  };
  return made;
}

describe("a request", () => {
  test("is the event, signed, to the address that was admitted", async () => {
    const { attempt, requests, now } = world();
    const row = webhookRow({}, { Authorization: "Bearer abcdefgh" });
    expect(await attempt(row, message)).toEqual({
      attempt: { at: now, durationMs: 20, status: 200, error: null, excerpt: "ok" },
      retryAfterMs: null,
    });
    const [request] = requests;
    expect(request).toMatchObject({
      admitted: { address: "93.184.215.14", port: 443, servername: "hooks.example.org" },
      body: JSON.stringify(event),
      timeoutMs: 15_000,
    });
    expect(request?.url.href).toBe("https://hooks.example.org/in?a=b");
    expect(request?.headers).toEqual({
      Authorization: "Bearer abcdefgh",
      "content-type": "application/json",
      "user-agent": "Postern",
      accept: "*/*",
      "accept-encoding": "identity",
      "webhook-id": event.id,
      "webhook-timestamp": String(Math.floor(now / 1000)),
      "webhook-signature": expect.stringMatching(/^v1,\S+$/),
    });
    expect(new Webhook(secret).verify(request?.body ?? "", request?.headers ?? {})).toEqual(event);
  });

  test.each(["accept", "Accept", "ACCEPT"])("accepts what the app says: %s", async (name) => {
    const { attempt, requests } = world();
    await attempt(webhookRow({}, { [name]: "application/json" }), message);
    const sent = Object.entries(requests[0]?.headers ?? {}).filter(([header]) => header.toLowerCase() === "accept");
    expect(sent).toEqual([[name, "application/json"]]);
  });

  test("is signed by both secrets while both are good", async () => {
    const made = world();
    const next = mintSecret();
    const row = webhookRow({ previousSecretUntil: made.now + 60_000 });
    const rotated = { ...row, ...sealSecrets(vault, row, { secret: next, previousSecret: secret }) };
    await made.attempt(rotated, message);
    made.now += 60_000;
    await made.attempt(rotated, message);
    const [first, second] = made.requests.map(({ headers }) => headers["webhook-signature"]?.split(" ").length);
    expect([first, second]).toEqual([2, 1]);
  });

  test("is signed by what the row says now", async () => {
    const { attempt, requests } = world();
    const next = mintSecret();
    const row = webhookRow();
    await attempt(row, message);
    await attempt({ ...row, ...sealSecrets(vault, row, { secret: next, headers: { "x-new": "1" } }) }, message);
    expect(() => new Webhook(next).verify(requests[0]?.body ?? "", requests[0]?.headers ?? {})).toThrow(
      "No matching signature",
    );
    expect(new Webhook(next).verify(requests[1]?.body ?? "", requests[1]?.headers ?? {})).toEqual(event);
    expect(requests[1]?.headers["x-new"]).toBe("1");
  });

  test("opens secrets once for many", async () => {
    const made = world();
    const row = webhookRow({}, { "x-a": "b" });
    for (let round = 0; round < 5; round += 1) await made.attempt({ ...row }, message);
    expect(made.opened).toBe(2);
    await expect(made.attempt({ ...row, id: "whk_2" }, message)).rejects.toMatchObject({ code: "internal" });
  });

  test("looks a host up once in ten seconds, for all at once too", async () => {
    const made = world();
    const row = webhookRow();
    await Promise.all(Array.from({ length: 20 }, () => made.attempt(row, message)));
    made.now += 9_999;
    await made.attempt(row, message);
    expect(made.lookUps).toBe(1);
    made.now += 1;
    await made.attempt(row, message);
    expect(made.lookUps).toBe(2);
    await made.attempt({ ...row, url: "https://other.example.org/" }, message);
    expect(made.lookUps).toBe(3);
  });
});

describe("a refusal by the guard", () => {
  test.each([
    ["https", ["127.0.0.1"]],
    ["https", ["93.184.215.14", "::1"]],
    ["https", ["::ffff:7f00:1"]],
    ["http", ["93.184.215.14"]],
    ["http", ["10.0.0.1", "127.0.0.1"]],
  ])("is an attempt: %s to %j", async (scheme, addresses) => {
    const made = world();
    const row = webhookRow({ url: `${scheme}://hooks.example.org/` });
    made.addresses = ["10.0.0.1"];
    expect((await made.attempt(row, message)).attempt).toMatchObject({ status: 200, error: null });
    made.addresses = addresses;
    made.now += 10_000;
    for (let round = 0; round < 2; round += 1) {
      const { attempt, retryAfterMs } = await made.attempt(row, message);
      expect(attempt).toMatchObject({ status: null, excerpt: null, error: { code: "address-not-allowed" } });
      expect(retryAfterMs).toBeNull();
    }
    expect(made.requests).toHaveLength(1);
    // What was refused is looked at anew each time.
    expect(made.lookUps).toBe(3);
    made.addresses = ["10.0.0.2"];
    expect((await made.attempt(row, message)).attempt).toMatchObject({ status: 200 });
    expect(made.requests.at(-1)?.admitted.address).toBe("10.0.0.2");
  });

  test("of a name that is not there", async () => {
    const made = world();
    made.addresses = [];
    expect((await made.attempt(webhookRow(), message)).attempt.error).toEqual({
      code: "dns-not-found",
      detail: "The name hooks.example.org has no address.",
    });
  });
});

describe("an answer", () => {
  test("says how long to wait, whatever its status", async () => {
    const { attempt } = world(() => said("", { status: 503, retryAfter: "120" }));
    expect(await attempt(webhookRow(), message)).toMatchObject({ attempt: { status: 503 }, retryAfterMs: 120_000 });
  });

  test("is told as a line of at most 1,000 characters", async () => {
    const body = Buffer.concat([
      Buffer.from("a\r\n\u0000\u001b[31m\tb"),
      Buffer.of(0xff, 0xfe),
      Buffer.from("ü".repeat(5_000)),
    ]);
    const { attempt } = world(() => said("", { body }));
    const { excerpt } = (await attempt(webhookRow(), message)).attempt;
    expect(excerpt).toHaveLength(1_000);
    expect(excerpt).toMatch(/^a \[31m b\ufffd\ufffdü+$/);
  });

  test("does not tell back what only the receiver should know", async () => {
    const token = 'tok"en-canary';
    const { attempt } = world(({ headers }) =>
      said(`${JSON.stringify(headers)} you sent ${headers["x-token"]}, ${headers.authorization}, canary-password!`),
    );
    const row = webhookRow({}, { "x-token": token, authorization: "Basic canary-password", "x-short": "a" });
    const { excerpt } = (await attempt(row, message)).attempt;
    expect(excerpt).not.toContain("canary");
    expect(excerpt).toContain("you sent …, …, …!");
  });

  test("that does not come is told by its failure", async () => {
    const { attempt } = world(async () => {
      throw new Failure("upstream-timeout", "The webhook receiver did not answer in time.");
    });
    expect((await attempt(webhookRow(), message)).attempt).toMatchObject({
      status: null,
      excerpt: null,
      error: { code: "upstream-timeout", detail: "The webhook receiver did not answer in time." },
    });
  });
});

test("the look-up is part of the time that there is", async () => {
  const made = world();
  const row = webhookRow();
  const work = made.attempt(row, message);
  made.now += 4_000;
  const { attempt } = await work;
  expect(made.requests[0]?.timeoutMs).toBe(11_000);
  expect(attempt.durationMs).toBe(4_020);
});

test("what comes after the answer's head is not part of how long it took", async () => {
  const made = world(() => {
    made.now += 9_000;
    return said("at last");
  });
  expect((await made.attempt(webhookRow(), message)).attempt.durationMs).toBe(20);
});

test("a clock that is set back gives no more time", async () => {
  const made = world();
  const work = made.attempt(webhookRow(), message);
  made.now -= 3_600_000;
  expect((await work).attempt.durationMs).toBe(20);
  expect(made.requests[0]?.timeoutMs).toBe(15_000);
});

test("what is wrong with us is thrown", async () => {
  const { attempt } = world(async () => {
    throw new TypeError("a bug");
  });
  await expect(attempt(webhookRow(), message)).rejects.toThrow(TypeError);
});
