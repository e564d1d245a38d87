import {
  bodyOf,
  filled,
  finished,
  leadsTo,
  type Made,
  type Plan,
  planned,
  type RequestNeeds,
} from "./fuzz-requests.ts";
import { parametersOf } from "./fuzz-things.ts";
import type { Operation } from "./openapi-document.ts";
import { brokenJson, mutateValue, oddHeaders, oddKeys, oddQueries, oddSegments } from "./openapi-mutate.ts";
import type { Random } from "./openapi-random.ts";
import { validate } from "./openapi-validate.ts";

/** One with something wrong or odd about it. */
export async function mutated(needs: RequestNeeds, operation: Operation, random: Random): Promise<Made> {
  const plan = await planned(needs, operation, random, random.chance(0.5));
  const ways = [header, header, key, path, method, query];
  if (operation.body?.media === "application/json") ways.push(member, member, member, member, member, json);
  if (operation.parameters.some((one) => one.in === "query")) ways.push(value, value, query);
  if (operation.body === null) ways.push(needlessBody);
  else ways.push(noBody);
  return random.pick(ways)(needs, plan, random);
}

type Way = (needs: RequestNeeds, plan: Plan, random: Random) => Made;

const without = (headers: Plan["headers"], name: string): Plan["headers"] =>
  headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());

const header: Way = (needs, plan, random) => {
  const [name, value] = random.pick(oddHeaders);
  const headers: Plan["headers"] = [...without(plan.headers, name), [name, value]];
  const how = [`${name}: ${value.slice(0, 40)}`];
  return finished(needs, { ...plan, headers, how }, bodyOf(plan), null, false);
};

const key: Way = (needs, plan, random) => {
  const wrong = random.pick([...oddKeys, ...needs.otherKeys.map((one) => `Bearer ${one}`)]);
  const headers = without(plan.headers, "Authorization");
  if (wrong !== null) headers.push(["Authorization", wrong]);
  const isNoKey = wrong === null || oddKeys.includes(wrong);
  const refuse = isNoKey && plan.operation.scope !== "none" ? "a key that is none" : null;
  return finished(needs, { ...plan, headers, how: ["another key"] }, bodyOf(plan), refuse, false);
};

const path: Way = (needs, plan, random) => {
  const names = parametersOf(plan.operation.path);
  const odd = random.pick(oddSegments);
  const ways: [how: string, path: string][] = [
    ["a slash at the end", `${plan.path}/`],
    ["a slash twice", plan.path.replace("/", "//")],
    ["dots in the path", `${plan.path}/../x/..`],
    ["an escaped letter", plan.path.replace("e", "%65")],
    ["capitals", plan.path.toUpperCase()],
    ["something behind the path", `${plan.path}/${odd}`],
    ["a fragment", `${plan.path}%23x`],
  ];
  if (names.length > 0 && random.chance(0.7)) {
    const name = random.pick(names);
    const marked = filled(plan.operation.path, { ...plan.parameters, [name]: "MARK" });
    ways.splice(0, ways.length, [`${name} is ${odd.slice(0, 40)}`, marked.replace("MARK", () => odd)]);
  }
  const [how, bent] = random.pick(ways);
  const there = leadsTo(needs.document, plan.method, bent);
  const isElsewhere = there !== null && there !== plan.operation;
  // Where it leads something may be lost that others need.
  const method = isElsewhere && plan.method !== "GET" ? "LINK" : plan.method;
  return finished(needs, { ...plan, method, path: bent, how: [how] }, bodyOf(plan), null, true);
};

const method: Way = (needs, plan, random) => {
  const other = random.pick(["PUT", "PATCH", "DELETE", "POST", "OPTIONS", "TRACE", "PROPFIND", "HEAD", "M-SEARCH"]);
  const there = leadsTo(needs.document, other, plan.path);
  // What is there may be lost by it: that is another operation's turn.
  const chosen = there === null ? other : "LINK";
  return finished(needs, { ...plan, method: chosen, how: [`the method ${chosen}`] }, bodyOf(plan), null, false);
};

const query: Way = (needs, plan, random) => {
  const odd = random.pick(oddQueries);
  return finished(needs, { ...plan, query: [], how: [`?${odd.slice(0, 40)}`] }, bodyOf(plan), null, false, odd);
};

/** A parameter that is known, with another value. */
const value: Way = (needs, plan, random) => {
  const known = plan.operation.parameters.filter((one) => one.in === "query");
  const { name } = random.pick(known);
  const { value: odd } = mutateValue({ [name]: random.pick(["inbox", 7, true, "2026-01-01T00:00:00Z"]) }, random);
  const text: unknown = Object.values(Object(odd) as object)[0];
  const word = (typeof text === "string" ? text : (JSON.stringify(text) ?? "")).slice(0, 1000);
  const others = plan.query.filter(([other]) => other !== name);
  const how = [`?${name}=${word.slice(0, 40)}`];
  const made = { ...plan, query: [...others, [name, word.toWellFormed()] as [string, unknown]], how };
  return finished(needs, made, bodyOf(plan), null, false);
};

const member: Way = (needs, plan, random) => {
  const { value, how } = mutateValue(plan.body, random);
  const schema = plan.operation.body?.schema ?? {};
  const [complaint] = validate(schema, value, { named: needs.document.named });
  const refuse = complaint === undefined ? null : `a body whose ${complaint.pointer} ${complaint.detail}`;
  const made = { ...plan, body: value, how: [how] };
  return finished(needs, made, bodyOf(made), refuse, false);
};

const json: Way = (needs, plan, random) => {
  const { body, how } = brokenJson(JSON.stringify(plan.body), random);
  return finished(needs, { ...plan, how: [how] }, body, how, false);
};

const needlessBody: Way = (needs, plan) => {
  const headers: Plan["headers"] = [...plan.headers, ["Content-Type", "application/json"]];
  return finished(needs, { ...plan, headers, how: ["a body where none belongs"] }, Buffer.from("{]"), null, false);
};

const noBody: Way = (needs, plan) => finished(needs, { ...plan, how: ["no body"] }, null, null, false);
