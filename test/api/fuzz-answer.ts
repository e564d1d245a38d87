import type { Got } from "./fuzz-client.ts";
import type { ApiDocument, Operation } from "./openapi-document.ts";
import { validate } from "./openapi-validate.ts";

export type Asked = {
  /** Null: the path or the method is none of the document's. */
  operation: Operation | null;
  method: string;
  /** What must be refused with 4xx, in words; null: it need not be. */
  refuse: string | null;
  /** The path was bent, so that whatever is said of bent paths will do. */
  bent: boolean;
};

/** Headers that come wherever they are documented; others may be left out. */
const alwaysThere = new Set([
  "Location",
  "ETag",
  "Accept-Ranges",
  "Content-Range",
  "Content-Disposition",
  "X-Request-Id",
]);

export type Answered = Pick<Got, "status" | "headers" | "text" | "isStream">;

const problemMedia = "application/problem+json";

/** What may be said wherever a path or a method leads nowhere. */
const nowhere = new Map([
  [400, "bad-request"],
  [404, "not-found"],
  [405, "method-not-allowed"],
  [414, "uri-too-long"],
  [431, "headers-too-large"],
]);

/** What an answer does that the document does not promise, one line each. */
export function checkAnswer(document: ApiDocument, asked: Asked, got: Answered): string[] {
  const { operation, method } = asked;
  const { status, text } = got;
  const good = status >= 200 && status < 300;
  const wrong: string[] = [];
  if (status === 500) wrong.push("500");
  if (good && asked.refuse !== null) wrong.push(`${status} for ${asked.refuse}`);
  if (method === "HEAD" && text !== "") wrong.push("HEAD has a body");
  const media = (got.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
  if (status >= 400) wrong.push(...checkProblem(got, media, method));
  const isNowhere = operation === null || asked.bent;
  if (isNowhere && isOfNowhere(got)) {
    const silent = status === 405 && got.headers.allow === undefined;
    return silent ? [...wrong, "405 without Allow"] : wrong;
  }
  if (operation === null) {
    const isOptions = method === "OPTIONS" && status === 204 && got.headers.allow !== undefined;
    return isOptions ? wrong : [...wrong, `${status} at a place that is not there`];
  }
  const documented = operation.responses[status];
  if (documented === undefined) return [...wrong, `${status} is not documented`];
  const always = documented.headers.filter((name) => alwaysThere.has(name));
  const missing = always.filter((name) => got.headers[name.toLowerCase()] === undefined);
  wrong.push(...missing.map((name) => `${status} without ${name}`));
  const promised = Object.keys(documented.content);
  if (promised.length === 0) {
    if (text !== "") wrong.push(`${status} has a body`);
    return wrong;
  }
  const schema = documented.content[media] ?? documented.content["*/*"];
  if (schema === undefined) return [...wrong, `${status} as "${media}" instead of ${promised.join(", ")}`];
  if (method === "HEAD") return wrong;
  if (got.isStream) return [...wrong, ...checkStream(document, text)];
  if (!/[/+]json$/.test(media) || documented.content[media] === undefined) return wrong;
  const complaints = validate(schema, readJson(text), { named: document.named, ours: good });
  return [...wrong, ...complaints.slice(0, 5).map(({ pointer, detail }) => `${status}: ${pointer} ${detail}`)];
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function checkProblem({ status, headers, text }: Answered, media: string, method: string): string[] {
  if (media !== problemMedia) return [`${status} as "${media}" instead of a problem`];
  if (method === "HEAD") return [];
  const body = Object(readJson(text)) as Record<string, unknown>;
  const wrong: string[] = [];
  if (body["status"] !== status) wrong.push(`${status} with ${JSON.stringify(body["status"])} in the problem`);
  if (body["type"] !== `urn:postern:problem:${String(body["code"])}`)
    wrong.push(`${status} with another type than code`);
  if (body["requestId"] === undefined || body["requestId"] !== headers["x-request-id"])
    wrong.push(`${status} without its request's id`);
  return wrong;
}

function isOfNowhere({ status, text }: Answered): boolean {
  const code = Reflect.get(Object(readJson(text)) as object, "code") as unknown;
  // An answer to HEAD has no code.
  return nowhere.has(status) && (code === undefined || code === nowhere.get(status));
}

/** Each event of a stream is one by the document. */
function checkStream({ named }: ApiDocument, text: string): string[] {
  const whole = text.slice(0, text.lastIndexOf("\n\n") + 1);
  const data = [...whole.matchAll(/^data: ?(.*)$/gm)].map(([, line = ""]) => readJson(line));
  return data
    .flatMap((event) => validate({ $ref: "#/components/schemas/Event" }, event, { named, ours: true }))
    .slice(0, 3)
    .map(({ pointer, detail }) => `a streamed event: ${pointer} ${detail}`);
}
