import type { z } from "@hono/zod-openapi";
import { Failure, type InputError } from "../errors.ts";

type Issue = z.core.$ZodIssue;

const codes: Partial<Record<NonNullable<Issue["code"]>, string>> = {
  invalid_type: "type",
  too_small: "too-small",
  too_big: "too-big",
  invalid_format: "format",
  not_multiple_of: "format",
  invalid_value: "value",
  invalid_key: "key",
  invalid_element: "value",
  invalid_union: "value",
};

const maxErrors = 50;

const escape = (part: PropertyKey) => String(part).slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1");

/** An RFC 6901 pointer. */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escape(part)}`).join("");
}

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/** Of a union's branches, the one that got furthest: fewest issues among those not refused at the top by type. */
function branch(issue: Extract<Issue, { code: "invalid_union" }>): Issue[] | undefined {
  return issue.errors
    .filter(
      (issues) =>
        !issues.some(({ code, path }) => (code === "invalid_type" || code === "invalid_value") && path.length === 0),
    )
    .sort((a, b) => a.length - b.length)[0];
}

/** What a union that was refused by type in every branch would have taken, such as "string or null"; else null. */
function expectedTypes(issue: Issue): string | null {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return null;
  const first = issue.errors.map((issues) => issues[0]);
  const types = first.map((one) => (one?.code === "invalid_type" && one.path.length === 0 ? one.expected : null));
  return types.every((type) => type !== null) ? [...new Set(types)].join(" or ") : null;
}

/** What was asked for, in words; null where the schema has its own. */
function wordsOf(issue: Issue): string | null {
  switch (issue.code) {
    case "invalid_value":
      return `Must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}.`;
    case "too_small":
      if (issue.origin === "string")
        return issue.minimum === 1 ? "Must not be empty." : `Must have at least ${issue.minimum} characters.`;
      return issue.origin === "array"
        ? `Must have at least ${issue.minimum} items.`
        : `Must be at least ${issue.minimum}.`;
    case "too_big":
      if (issue.origin === "string") return `Must have at most ${issue.maximum} characters.`;
      return issue.origin === "array"
        ? `Must have at most ${issue.maximum} items.`
        : `Must be at most ${issue.maximum}.`;
    default:
      return null;
  }
}

function flatten(
  issue: Issue,
  prefix: readonly PropertyKey[],
  input: unknown,
): (InputError & { path: PropertyKey[] })[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, maxErrors).map((key) => ({
      path: [...path, key],
      pointer: pointer([...path, key]),
      code: "unknown-field",
      detail: "There is no field of this name here.",
    }));
  }
  if (issue.code === "invalid_union") {
    const inner = branch(issue);
    if (inner !== undefined) return inner.flatMap((one) => flatten(one, path, input));
  }
  if (
    at(input, path) === undefined &&
    (issue.code === "invalid_type" || issue.code === "invalid_union" || issue.code === "invalid_value")
  ) {
    return [{ path, pointer: pointer(path), code: "required", detail: "The field is required." }];
  }
  const types = issue.code === "invalid_type" ? issue.expected : expectedTypes(issue);
  if (types !== null) {
    return [{ path, pointer: pointer(path), code: "type", detail: `Expected ${types}.` }];
  }
  const words = wordsOf(issue);
  const custom =
    issue.code === "custom" && typeof issue.params?.["code"] === "string" ? issue.params["code"] : undefined;
  return [
    { path, pointer: pointer(path), code: custom ?? codes[issue.code] ?? "invalid", detail: words ?? issue.message },
  ];
}

/** A rule about a whole object says nothing new where one of its members is wrong. */
function isConsequence(error: InputError, all: InputError[]): boolean {
  return error.code === "invalid" && all.some((other) => other.pointer.startsWith(`${error.pointer}/`));
}

/** What zod found, as pointers into the body; at most 50. Values of the input are never repeated. */
export function inputErrors(issues: readonly Issue[], input: unknown): InputError[] {
  return issues
    .slice(0, maxErrors)
    .flatMap((issue) => flatten(issue, [], input))
    .filter((error, _, all) => !isConsequence(error, all))
    .slice(0, maxErrors)
    .map(({ pointer, code, detail }) => ({ pointer, code, detail }));
}

/**
 * What a route's validators found, as the one failure it means: a path parameter of the wrong shape names nothing (404);
 * a query or a body is 422 with pointers; a header is 400, Idempotency-Key with codes of its own.
 */
export function validationFailure(target: string, issues: readonly Issue[], input: unknown): Failure {
  if (target === "param") {
    return new Failure("not-found", `The path's ${String(issues[0]?.path[0] ?? "id")} is not the id of anything.`, {
      fix: "Take ids from answers as they are: a prefix such as acc_ or msg_, and what follows it.",
    });
  }
  if (target === "header") return headerFailure(issues, input);
  const errors = inputErrors(issues, input).map((error) =>
    target === "query" ? { ...error, pointer: `?${error.pointer.slice(1)}` } : error,
  );
  const first = errors[0];
  const where = first === undefined || first.pointer === "" ? "The body" : first.pointer;
  return new Failure("validation-failed", `${where}: ${first?.detail ?? "is not valid."}`, { errors });
}

function headerFailure(issues: readonly Issue[], input: unknown): Failure {
  const name = String(issues[0]?.path[0] ?? "");
  if (name.toLowerCase() !== "idempotency-key") {
    return new Failure("bad-request", `The header ${name} is missing or malformed.`);
  }
  return at(input, [name]) === undefined
    ? new Failure("idempotency-key-missing", "The request has no Idempotency-Key.", {
        fix: "Send Idempotency-Key with a value of your own for each message, such as a UUID; repeat it on retries.",
      })
    : new Failure("idempotency-key-invalid", "Idempotency-Key is 1 to 255 visible ASCII characters.", {
        fix: "Use a UUID, or another value without spaces.",
      });
}
