import type { Expression } from "../../src/mail/search.ts";

/** A search without constants as people could have typed it. */
export function printSearchQuery(expression: Expression): string {
  switch (expression.op) {
    case "and":
    case "or":
      return `(${expression.of.map(printSearchQuery).join(expression.op === "and" ? " " : " OR ")})`;
    case "not":
      return `-${printSearchQuery(expression.of)}`;
    case "all":
    case "none":
      throw new Error("the syntax has no constants");
    case "since":
    case "before":
      return `${expression.op}:${new Date(expression.at).toISOString()}`;
    case "largerThan":
    case "smallerThan":
      return `${expression.op === "largerThan" ? "larger" : "smaller"}:${expression.octets}`;
    case "seen":
    case "flagged":
    case "answered":
    case "draft":
      return `is:${expression.op}`;
    case "hasAttachment":
      return "has:attachment";
    case "header":
      return `header:${quote(expression.value === "" ? expression.name : `${expression.name}=${expression.value}`)}`;
    case "inFolder":
      return `in:${quote(expression.folder)}`;
    case "text":
      return quote(expression.value);
    default:
      return `${expression.op}:${quote(expression.value)}`;
  }
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}
