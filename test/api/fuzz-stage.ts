import { readFileSync } from "node:fs";
import { scopes } from "../../src/mail/tenant.ts";
import { startMailStack } from "../servers/mail-stack.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import { makeMessage } from "../servers/messages.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { startReceiver, verified } from "../servers/receiver.ts";
import { caller } from "./call-postern.ts";
import { parametersOf, type Things } from "./fuzz-things.ts";
import type { RequestNeeds } from "./fuzz-requests.ts";
import type { Operation } from "./openapi-document.ts";
import { type Around, days, type Made, withMailWord, wordsOf } from "./fuzz-words.ts";
import { accountOn, maildropOn } from "./start.ts";
import { until } from "./watching.ts";

/** All that is fuzzed, on real servers. */
export type Stage = {
  postern: RunningPostern;
  needs: Pick<RequestNeeds, "words" | "bodies" | "chain" | "keyFor" | "otherKeys">;
  /** What no answer and no log line may hold; grows with what Postern makes. */
  secrets: Set<string>;
  /** Bodies that the webhook's receiver was sent. */
  received(): string[];
  stop(): Promise<void>;
};

/** What it is asked about: `localhost` and nothing else, so that no name leaves the machine. */
const onlyLocalhost = `data:text/javascript,${encodeURIComponent(`
  import dns from "node:dns/promises";
  import { syncBuiltinESMExports } from "node:module";
  const { lookup } = dns;
  dns.lookup = async (name, options) => {
    if (name === "localhost") return lookup("127.0.0.1", options);
    throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  };
  syncBuiltinESMExports();
`)}`;

/** What may spoil a thing without deleting it: it is tried on things that nobody else needs. */
const spoiling = new Set([
  "accounts.update",
  "accounts.pause",
  "webhooks.update",
  "webhooks.rotateSecret",
  "submissions.update",
  "folders.update",
]);

const mayBreak = ({ method, operationId }: Operation): boolean => method === "DELETE" || spoiling.has(operationId);

/** Starts Postern with an account on IMAP and one on POP3, mail in both, a webhook, and one at least of what paths name. */
export async function startStage(things: Things): Promise<Stage> {
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const one of started.splice(0).toReversed()) await one.stop();
  };
  try {
    const stack = await startMailStack();
    started.push(stack);
    const receiver = await startReceiver();
    started.push(receiver);
    const env = { NODE_OPTIONS: `--import=${onlyLocalhost}`, POSTERN_LOG_LEVEL: "debug" };
    const postern = await startPostern({ env });
    started.push(postern);
    return { ...(await furnish(things, { stack, receiver, postern })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Servers = Pick<Made, "stack" | "receiver" | "postern">;

async function furnish(things: Things, servers: Servers): Promise<Omit<Stage, "stop">> {
  const { stack, receiver, postern } = servers;
  const endpoint = receiver.endpoint();
  const call = caller(postern);
  const operate = caller({ url: postern.url, appKey: postern.operatorKey });
  const [imapUser, popUser] = [stack.dovecot.user(), stack.dovecot.user()];
  for (const user of [imapUser, popUser]) fillMaildir(stack.dovecot.maildir(user), 60, { to: user.username });
  deliver(stack.dovecot.maildir(imapUser), withMailWord(imapUser));

  things.harvest({ id: postern.appId }, {});
  const take = async (path: string): Promise<void> => {
    const template = path
      .replace(/acc_\w+/, "{accountId}")
      .replace(/whk_\w+/, "{webhookId}")
      .replace(/app_\w+/, "{appId}");
    const values = [...path.matchAll(/\b(?:acc|whk|app)_\w+/g)].map(([id]) => id);
    const around = Object.fromEntries(parametersOf(template).map((name, n) => [name, values[n] ?? ""]));
    const get = path.startsWith("/v1/apps") ? operate : call;
    things.harvest(await get("GET", path), around);
  };
  type Id = { id: string };
  const accounts = [accountOn(stack, imapUser), maildropOn(stack, popUser)];
  for (const account of accounts) {
    const { id } = await call<Id>("POST", "/v1/accounts", account);
    things.harvest({ id }, {});
    await take(`/v1/accounts/${id}/folders`);
    await take(`/v1/accounts/${id}/messages?limit=50`);
  }
  const { id: webhookId } = await call<Id>("POST", "/v1/webhooks", { url: endpoint.url, secret: endpoint.secret });
  things.harvest({ id: webhookId }, {});
  // Of the deliveries the first is one that can be repeated: of an event of the log, and over.
  await call("POST", `/v1/accounts/${things.withPrefix("acc")[0]?.id}/pause`);
  await call("POST", `/v1/accounts/${things.withPrefix("acc")[0]?.id}/resume`);
  const told = async (): Promise<number> => {
    await take(`/v1/webhooks/${webhookId}/deliveries?state=delivered`);
    return things.withPrefix("dlv").length;
  };
  await until(told, (count) => count > 0);
  await call("POST", `/v1/webhooks/${webhookId}/test`, { type: "message.created" });
  await take(`/v1/webhooks/${webhookId}/deliveries`);
  await take(`/v1/apps/${postern.appId}/keys`);
  things.keepAll();
  for (const thing of things.withPrefix("msg")) thing.kept = false;

  const operator = postern.operatorKey;
  const keyOf = async (granted: readonly string[], accountIds: string[] | null): Promise<string> => {
    const input = { name: "another", scopes: granted, accountIds };
    return (await operate<{ key: string }>("POST", `/v1/apps/${postern.appId}/keys`, input)).key;
  };
  const narrow = await keyOf(["messages:read"], null);
  const bound = await keyOf(scopes, [things.withPrefix("acc")[1]?.id ?? ""]);
  const { password } = imapUser;
  const sealing = readFileSync(`${postern.data}/secret`, "utf8").trim();
  const made = { ...servers, endpoint, call, operate, things, users: [imapUser, popUser] };
  return {
    postern,
    secrets: new Set([operator, postern.appKey, narrow, bound, password, endpoint.secret, sealing]),
    needs: {
      ...wordsOf(made),
      otherKeys: [narrow, bound, operator],
      keyFor: ({ scope }) => (scope === "none" ? null : scope === "operator" ? operator : postern.appKey),
      chain: chains(made),
    },
    received: () =>
      endpoint.got.flatMap(({ body, headers }) => (verified(endpoint.secret, headers, body) ? [body] : [])),
  };
}

/** Things for a path. Where the operation may break one, it is made for that when there is none to spare. */
function chains({ call, operate, things, postern, stack }: Made): RequestNeeds["chain"] {
  const account = { ...accountOn(stack, stack.dovecot.user()), verify: false, watch: { mode: "off" } };
  const raw = {
    method: "POST",
    headers: { Authorization: `Bearer ${postern.appKey}`, "Content-Type": "message/rfc822" },
  };
  let nth = 0;
  const makers: Record<string, (around: Around) => Promise<unknown>> = {
    accountId: () => call("POST", "/v1/accounts", account),
    webhookId: () => call("POST", "/v1/webhooks", { url: "https://127.0.0.1:1/", enabled: false }),
    keyId: ({ appId }) => operate("POST", `/v1/apps/${appId}/keys`, { name: "lost soon", scopes: ["messages:read"] }),
    folderId: ({ accountId }) => call("POST", `/v1/accounts/${accountId}/folders`, { name: `lost ${(nth += 1)}` }),
    submissionId: async ({ accountId }) => {
      const body = JSON.stringify({ to: [{ email: "a@postern.test" }], text: "later", sendAt: days(30) });
      const headers = { ...raw.headers, "Content-Type": "application/json", "Idempotency-Key": `own-${(nth += 1)}` };
      const answer = await fetch(`${postern.url}/v1/accounts/${accountId}/submissions`, { ...raw, headers, body });
      return answer.json();
    },
    messageId: async ({ accountId }) => {
      const body = makeMessage(1000 + (nth += 1), "me@postern.test").raw;
      const answer = await fetch(`${postern.url}/v1/accounts/${accountId}/messages`, {
        ...raw,
        body: new Uint8Array(body),
      });
      return answer.json();
    },
  };
  /** The one on IMAP, which can do everything. */
  const [first] = things.withPrefix("acc");
  const around: Around = { accountId: first?.id ?? "", appId: postern.appId };
  const scarce = 20;
  return async (operation, random, plain) => {
    const { path } = operation;
    const names = parametersOf(path);
    const last = names.at(-1);
    const breaks = mayBreak(operation);
    const which = breaks ? "spare" : plain ? "first" : "any";
    const make = last === undefined ? undefined : makers[last];
    const isScarce = last === "messageId" && things.withPrefix("msg").length < scarce;
    const found = isScarce || (plain && breaks) ? null : things.chain(path, random, which);
    if (found !== null) return found;
    if (last === undefined || make === undefined) return null;
    const { id } = (await make(around)) as { id: string };
    const within: Around = Object.fromEntries(names.slice(0, -1).map((name) => [name, around[name] ?? ""]));
    things.harvest({ id }, within);
    return { ...within, [last]: id };
  };
}
