import { readFileSync } from "node:fs";
import { type Answered, checkAnswer } from "./fuzz-answer.ts";
import { createClient, type Got } from "./fuzz-client.ts";
import { mutated } from "./fuzz-mutated.ts";
import { type Made, plain, type RequestNeeds, valid } from "./fuzz-requests.ts";
import { type Stage, startStage } from "./fuzz-stage.ts";
import { madeSecret, mailWord } from "./fuzz-words.ts";
import { createThings, parametersOf } from "./fuzz-things.ts";
import { type Operation, readDocument } from "./openapi-document.ts";
import { type Random, seeded } from "./openapi-random.ts";
import { validate } from "./openapi-validate.ts";

export type FuzzOptions = {
  seed: string;
  /** Requests of each operation. */
  rounds: number;
  /** How many are under way at once. More than one, and what is seen is not as easily seen again. */
  lanes: number;
  /** No round begins later than this, from the first one on. */
  budgetMs: number;
};

export type FuzzReport = {
  /** What went against the document, each with the request by which it is seen again. */
  complaints: string[];
  /** Operations that have never answered 2xx: their good side was not looked at. */
  neverGood: string[];
  requests: number;
  /** By status. */
  statuses: Record<string, number>;
  /** How often each operation answered 2xx. */
  good: Record<string, number>;
  /** The slowest answers, in words. */
  slowest: string[];
};

/** More of the same is not told. */
const mostTold = 40;

/** Longer than any answer takes while all servers are well; a wait that was asked for is cut sooner. */
const patienceMs = 15_000;
const waitMs = 2500;

const mostMemoryKiB = 800 * 1024;

/**
 * Asks a real Postern everything that its committed document describes, rightly and wrongly, and tells what it answered against the
 * document. The same seed asks the same, as far as ids, times and what the answers told allow.
 */
export async function fuzz({ seed, rounds, lanes, budgetMs }: FuzzOptions): Promise<FuzzReport> {
  const document = readDocument();
  const examples = JSON.stringify(document);
  const things = createThings(document);
  const stage = await startStage(things);
  const client = createClient(stage.postern.url);
  const etags: string[] = [];
  const needs: RequestNeeds = { ...stage.needs, document, things, etags };
  const cursors = new Map<string, string>();
  const told = new Map<string, string>();
  const good = new Map<string, number>();
  const statuses: Record<string, number> = {};
  const times: { ms: number; what: string }[] = [];
  let requests = 0;

  function complain(made: Made, operation: Operation, round: number, what: string, got: Got | null): void {
    const known = `${operation.operationId}: ${what.replaceAll(/[a-z]{3}_[\w-]{20,}|\/\d+|\d{3,}/g, "…")}`;
    if (told.has(known) || told.size >= mostTold) return;
    const { method, target, headers, body } = made.sent;
    const fields = headers
      .filter(([name]) => name !== "Authorization")
      .map(([name, value]) => `${name}: ${value.slice(0, 100)}`);
    const shown = [`${method} ${target.slice(0, 300)}`, ...fields, body?.toString().slice(0, 600) ?? ""];
    const answer = got === null ? "" : `\n  -> ${got.status} ${got.text.slice(0, 600)}`;
    told.set(known, `${operation.operationId} #${round} (${made.how}): ${what}\n  ${shown.join("\n  ")}${answer}`);
  }

  async function ask(operation: Operation, round: number): Promise<void> {
    const random = seeded(`${seed}/${operation.operationId}/${round}`);
    const make = round === 0 ? plain : round % 2 === 1 ? mutated : valid;
    const made = await make(withCursor(needs, cursors), operation, random);
    requests += 1;
    const waits = made.sent.headers.some(([name]) => name === "Prefer");
    let got: Got | null;
    try {
      got = await client.send(made.sent, waits ? waitMs : patienceMs);
    } catch (error) {
      return complain(made, operation, round, `no answer: ${(error as Error).message}`, null);
    }
    if (got === null) return waits ? undefined : complain(made, operation, round, "no answer in time", null);
    statuses[got.status] = (statuses[got.status] ?? 0) + 1;
    times.push({
      ms: got.ms,
      what: `${Math.round(got.ms)} ms: ${operation.operationId} #${round} (${made.how}) ${got.status}`,
    });
    const shown = withoutOwnSecrets(made, got, stage.secrets, examples);
    for (const what of [...checkAnswer(document, made, got), ...leaks(shown, stage.secrets)])
      complain(made, operation, round, what, got);
    learn(made, got);
  }

  /** What the answer tells is used by later requests. */
  function learn({ operation, method, parameters }: Made, got: Got): void {
    if (operation === null || method !== operation.method) return;
    const last = parametersOf(operation.path).at(-1);
    const id = last === undefined ? undefined : parameters[last];
    const isGone = (method === "DELETE" && got.status === 204) || got.status === 404 || got.status === 410;
    if (isGone && last !== undefined && id !== undefined) things.forget(last, id);
    if (got.status < 200 || got.status > 299) return;
    good.set(operation.operationId, (good.get(operation.operationId) ?? 0) + 1);
    if (got.headers.etag !== undefined) etags.push(got.headers.etag);
    if (got.isStream || !/json/.test(got.headers["content-type"] ?? "") || operation.scope === "none") return;
    const body = JSON.parse(got.text || "null") as unknown;
    things.harvest(body, parameters);
    const cursor = Reflect.get(Object(body) as object, "nextCursor") as unknown;
    if (typeof cursor === "string") cursors.set(operation.operationId, cursor);
  }

  try {
    const from = Date.now();
    for (let round = 0; round < rounds && Date.now() - from < budgetMs; round += 1) {
      const work = document.operations.values();
      const lane = async (): Promise<void> => {
        for (const operation of work) {
          // Also within a round; but each operation is asked once at least.
          if (round > 0 && Date.now() - from >= budgetMs) return;
          await ask(operation, round);
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
    }
    const complaints = [...(await afterwards(stage)), ...told.values()];
    for (const text of stage.received().slice(0, 500)) {
      const event = { $ref: "#/components/schemas/Event" };
      for (const { pointer, detail } of validate(event, JSON.parse(text), { named: document.named }))
        complaints.push(`The webhook was sent an event whose ${pointer} ${detail}: ${text.slice(0, 600)}`);
    }
    return {
      complaints: complaints.slice(0, mostTold),
      neverGood: document.operations.map(({ operationId }) => operationId).filter((id) => !good.has(id)),
      requests,
      statuses,
      good: Object.fromEntries(good),
      slowest: times
        .sort((a, b) => b.ms - a.ms)
        .slice(0, 8)
        .map(({ what }) => what),
    };
  } finally {
    client.close();
    await stage.stop();
  }
}

/** A cursor is good for the list that it came from. */
function withCursor(needs: RequestNeeds, cursors: Map<string, string>): RequestNeeds {
  return {
    ...needs,
    words(name: string, operation: Operation, around: Record<string, string>, random: Random) {
      const cursor = name === "cursor" ? cursors.get(operation.operationId) : undefined;
      return cursor === undefined ? needs.words(name, operation, around, random) : [cursor];
    },
  };
}

/** The answer without what it is there to tell once: a new key, a webhook's new secret. From then on these are secrets, too, but for those that the document shows. */
function withoutOwnSecrets({ method }: Made, got: Answered, secrets: Set<string>, examples: string): string {
  if (method !== "POST" || got.status < 200 || got.status > 299 || !/json/.test(got.headers["content-type"] ?? ""))
    return `${got.text}\n${JSON.stringify(got.headers)}`;
  const { key, secret, ...rest } = JSON.parse(got.text) as { key?: string; secret?: string };
  for (const told of [key, secret]) if (told !== undefined && !examples.includes(told)) secrets.add(told);
  return `${JSON.stringify(rest)}\n${JSON.stringify(got.headers)}`;
}

function leaks(text: string, secrets: Set<string>): string[] {
  const made = madeSecret.exec(text)?.[0];
  const known = [...secrets].find((secret) => secret !== "" && text.includes(secret));
  return [
    ...(made === undefined ? [] : ["a made-up secret comes back"]),
    ...(known === undefined ? [] : ["a secret is told"]),
  ];
}

/** What Postern is like when all is over: it answers, has not grown without measure, and its log is fit to be read by others. */
async function afterwards({ postern, secrets }: Stage): Promise<string[]> {
  const wrong: string[] = [];
  const ready = await fetch(`${postern.url}/readyz`, { signal: AbortSignal.timeout(5000) });
  if (ready.status !== 200) wrong.push(`/readyz answers ${ready.status}: ${await ready.text()}`);
  const held = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${postern.pid()}/status`, "utf8"))?.[1]);
  if (!(held < mostMemoryKiB)) wrong.push(`it holds ${Math.round(held / 1024)} MiB`);
  const lines = [...postern.stdout, ...postern.stderr().slice(postern.greeting.length).split("\n")];
  for (const line of lines) {
    const [leak] = leaks(line, secrets);
    if (leak !== undefined) wrong.push(`the log: ${leak}: ${line.slice(0, 300)}`);
    else if (line.includes(mailWord)) wrong.push(`the log holds mail: ${line.slice(0, 500)}`);
    else if (/"level":"error"/.test(line)) wrong.push(`the log holds an error: ${line.slice(0, 800)}`);
  }
  return wrong;
}
