import type { ImapAttribute } from "imapflow";
import type { Part } from "../../mail/part.ts";
import { fieldText } from "../../mime/headers.ts";
import type { Parameter } from "../../mime/parameters.ts";
import { partFacts } from "../../mime/part-headers.ts";
import { numberOf, octetsOf, stringOf } from "./wire.ts";

/** Deeper than any real mail; what lies below is left out. */
const maxDepth = 100;

type Node = ImapAttribute[];

/**
 * A BODYSTRUCTURE (RFC 9051 §7.5.2) as our tree, with the section paths of RFC 9051 §6.4.5.1. A multipart directly inside a
 * message/rfc822 has the message's own path, as its children go on from there. Null for what is no BODYSTRUCTURE, and for a
 * multipart of one empty text, which is what servers make up where they do not find the boundary: that message has to be
 * parsed here.
 *
 * Read from the server's tokens and not by imapflow's `parseBodystructure`, so that names and parameters are decoded by the
 * same code as those of a raw message.
 */
export function toPart(root: ImapAttribute): Part | null {
  if (!isNode(root)) return null;
  const part = partAt(root, isMultipart(root) ? "" : "1", 0);
  return part === null || isMadeUp(part) ? null : part;
}

function isMadeUp({ contentType, children: [only, ...others] }: Part): boolean {
  if (!contentType.startsWith("multipart/") || others.length > 0) return false;
  return only === undefined || (only.contentType === "text/plain" && only.encodedSize === 0);
}

function partAt(node: Node, section: string, depth: number): Part | null {
  return isMultipart(node) ? multipart(node, section, depth) : leaf(node, section, depth);
}

function multipart(node: Node, section: string, depth: number): Part | null {
  const count = node.findIndex((one) => !isNode(one));
  const subtype = stringOf(node[count]);
  if (count < 0 || subtype === null) return null;
  const prefix = section === "" ? "" : `${section}.`;
  const bodies = depth < maxDepth ? node.slice(0, count) : [];
  const children = bodies.map((body, index) =>
    isNode(body) ? partAt(body, `${prefix}${index + 1}`, depth + 1) : null,
  );
  return {
    section,
    ...factsOf(`multipart/${subtype}`, node[count + 1], node[count + 2], undefined, undefined),
    encodedSize: 0,
    children: children.filter((child) => child !== null),
  };
}

/** The members that RFC 9051's body-type-basic, -msg and -text have in common stand first. */
function leaf(node: Node, section: string, depth: number): Part | null {
  const [type, subtype, parameters, id, , encoding, size] = node;
  if (stringOf(type) === null || stringOf(subtype) === null) return null;
  const contentType = `${stringOf(type)}/${stringOf(subtype)}`.toLowerCase();
  const nested = contentType === "message/rfc822" && isNode(node[8]) && depth < maxDepth ? node[8] : null;
  const child = nested ? partAt(nested, isMultipart(nested) ? section : `${section}.1`, depth + 1) : null;
  return {
    section,
    ...factsOf(contentType, parameters, node[dispositionAt(node, contentType)], id, encoding),
    encodedSize: numberOf(size) ?? 0,
    children: child ? [child] : [],
  };
}

/** Where the disposition stands: behind the MD5, which follows what the type has of its own; some servers leave out lines. */
function dispositionAt(node: Node, contentType: string): number {
  if (contentType === "message/rfc822") return 11;
  if (!contentType.startsWith("text/")) return 8;
  return isNode(node[8]) && !isNode(node[9]) ? 8 : 9;
}

function factsOf(
  contentType: string,
  parameters: ImapAttribute | undefined,
  disposition: ImapAttribute | undefined,
  id: ImapAttribute | undefined,
  encoding: ImapAttribute | undefined,
): ReturnType<typeof partFacts> {
  const [kind, kindParameters] = isNode(disposition) ? disposition : [disposition];
  const own = pairs(parameters, null);
  const hint = own.find(([name]) => name === "charset")?.[1] ?? null;
  return partFacts({
    contentType,
    parameters: pairs(parameters, hint),
    disposition: stringOf(kind),
    dispositionParameters: pairs(kindParameters, hint),
    contentId: stringOf(id),
    encoding: stringOf(encoding),
  });
}

function pairs(list: ImapAttribute | undefined, hint: string | null): Parameter[] {
  if (!isNode(list)) return [];
  const found: Parameter[] = [];
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = stringOf(list[at]);
    const value = octetsOf(list[at + 1]);
    if (name !== null && value !== null) found.push([name.toLowerCase(), fieldText(value, hint)]);
  }
  return found;
}

function isMultipart(node: Node): boolean {
  return isNode(node[0]);
}

function isNode(attribute: ImapAttribute | undefined): attribute is Node & ImapAttribute {
  return Array.isArray(attribute);
}
