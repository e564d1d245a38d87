import type { MessageStructureObject } from "imapflow";
import type { Part } from "../../mail/part.ts";

/** Deeper than any real mail; what lies below is left out. */
const maxDepth = 100;

/**
 * imapflow's BODYSTRUCTURE as our tree, with the section paths of RFC 9051 §6.4.5.1. A multipart directly inside a
 * message/rfc822 has the message's own path, as its children go on from there.
 */
export function toPart(root: MessageStructureObject): Part {
  const isMultipart = root.type.startsWith("multipart/");
  return partAt(root, isMultipart ? "" : "1", 0);
}

function partAt(node: MessageStructureObject, section: string, depth: number): Part {
  const parameters = lowerCaseNames(node.parameters);
  const disposition = lowerCaseNames(node.dispositionParameters);
  const isMultipart = node.type.startsWith("multipart/");
  return {
    section,
    contentType: node.type.toLowerCase(),
    parameters,
    disposition: node.disposition?.toLowerCase() || null,
    filename: disposition["filename"] || parameters["name"] || null,
    contentId: node.id?.trim().replace(/^<(.*)>$/, "$1") || null,
    encoding: node.encoding?.toLowerCase() || "7bit",
    encodedSize: isMultipart ? 0 : (node.size ?? 0),
    children: depth < maxDepth ? children(node, section, depth + 1) : [],
  };
}

function children(node: MessageStructureObject, section: string, depth: number): Part[] {
  const nodes = node.childNodes ?? [];
  if (node.type.startsWith("multipart/")) {
    const prefix = section === "" ? "" : `${section}.`;
    return nodes.map((child, index) => partAt(child, `${prefix}${index + 1}`, depth));
  }
  return nodes
    .slice(0, 1)
    .map((child) => partAt(child, child.type.startsWith("multipart/") ? section : `${section}.1`, depth));
}

function lowerCaseNames(parameters: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}
