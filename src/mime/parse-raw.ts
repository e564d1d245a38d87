import type { Part } from "../mail/part.ts";
import { rawHeaders } from "./headers.ts";
import { partHeaders } from "./part-headers.ts";

/** Dovecot's own limits. What lies deeper, or comes after so many parts, is not told apart: the part around it is one file. */
const maxDepth = 100;
const maxParts = 10_000;

/** RFC 2046 §5.1.1 allows 70 characters; longer ones are seen, but no line is compared beyond this. */
const maxBoundary = 1000;

/** Where the line that ended an entity stands: `level` is whose boundary it is, -1 for the end of the message. */
type End = { level: number; isClose: boolean; at: number };

/** A message being read from the front to the back, once. */
type Scan = {
  raw: Buffer;
  at: number;
  /** The open multiparts' boundaries, and which of them each belongs to. */
  levels: Map<string, number>;
  parts: number;
  bodies: Map<Part, Uint8Array>;
};

/** A message's MIME tree, and the octets of each part that is no multipart, as they are encoded. */
export type ParsedRaw = { structure: Part; bodyOf: (part: Part) => Uint8Array | null };

/**
 * The MIME tree of a raw message (RFC 2046) with the sections that IMAP gives it: what BODYSTRUCTURE says, for servers that
 * say none. Sizes are octets of `raw`, so with bare LF line ends they are less than IMAP's. Never fails: what is broken is
 * read as far as it goes. One pass over the octets, whatever the nesting.
 */
export function parseStructure(raw: Uint8Array): Part {
  return parseRaw(raw).structure;
}

/** The same, with views of `raw` for the parts' bodies. */
export function parseRaw(raw: Uint8Array): ParsedRaw {
  const buffer = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const scan: Scan = { raw: buffer, at: 0, levels: new Map(), parts: 0, bodies: new Map() };
  const section = (isMultipart: boolean) => (isMultipart ? "" : "1");
  const { part } = readEntity(scan, { depth: 0, defaultType: "text/plain", section });
  return { structure: part, bodyOf: (one) => scan.bodies.get(one) ?? null };
}

type Place = {
  depth: number;
  defaultType: string;
  /** A body's section depends on what it turns out to be. */
  section: (isMultipart: boolean) => string;
};

function readEntity(scan: Scan, place: Place): { part: Part; end: End } {
  scan.parts++;
  const headerStart = scan.at;
  const headerEnd = skipHeader(scan);
  const headers = partHeaders(rawHeaders(scan.raw.subarray(headerStart, scan.at)), place.defaultType);
  const bodyStart = scan.at;
  const boundary = headers.parameters["boundary"]?.trimEnd() ?? "";
  const isMultipart = headers.contentType.startsWith("multipart/");
  const isSplit = isMultipart && boundary !== "" && place.depth < maxDepth;
  const part: Part = { ...headers, section: place.section(isSplit), encodedSize: 0, children: [] };
  if (isMultipart && !isSplit) part.contentType = boundary === "" ? "text/plain" : "application/octet-stream";
  if (isSplit) {
    const parts = headerEnd ? { end: headerEnd, isFound: false } : readParts(scan, part, boundary, place.depth);
    if (parts.isFound || place.depth > 0) return { part, end: parts.end };
    // A message whose boundary is nowhere is shown as it stands.
    scan.at = bodyStart;
    Object.assign(part, { contentType: "text/plain", section: place.section(false) });
  }
  const end = headerEnd ?? readBody(scan, part, place.depth);
  const body = scan.raw.subarray(bodyStart, Math.max(bodyStart, end.at));
  scan.bodies.set(part, body);
  part.encodedSize = body.length;
  return { part, end };
}

/** Reads what is between the boundaries of a multipart, and what follows its close up to the next boundary around it. */
function readParts(scan: Scan, part: Part, boundary: string, depth: number): { end: End; isFound: boolean } {
  const hidden = scan.levels.get(boundary);
  scan.levels.set(boundary, depth);
  const prefix = part.section === "" ? "" : `${part.section}.`;
  const defaultType = part.contentType === "multipart/digest" ? "message/rfc822" : "text/plain";
  let end = nextBoundary(scan);
  const isFound = end.level === depth;
  while (end.level === depth && !end.isClose && scan.parts < maxParts) {
    const section = `${prefix}${part.children.length + 1}`;
    const child = readEntity(scan, { depth: depth + 1, defaultType, section: () => section });
    part.children.push(child.part);
    end = child.end;
  }
  if (hidden === undefined) scan.levels.delete(boundary);
  else scan.levels.set(boundary, hidden);
  return { end: end.level === depth ? nextBoundary(scan) : end, isFound };
}

function readBody(scan: Scan, part: Part, depth: number): End {
  const isReadable = part.encoding !== "base64" && part.encoding !== "quoted-printable";
  if (part.contentType !== "message/rfc822" || !isReadable || depth >= maxDepth || scan.parts >= maxParts)
    return nextBoundary(scan);
  const section = (isMultipart: boolean) => (isMultipart ? part.section : `${part.section}.1`);
  const body = readEntity(scan, { depth: depth + 1, defaultType: "text/plain", section });
  part.children.push(body.part);
  return body.end;
}

/** Leaves the scan behind the header's empty line; a boundary before it ends the entity, which then has no body. */
function skipHeader(scan: Scan): End | null {
  while (scan.at < scan.raw.length) {
    const end = boundaryAt(scan, scan.at);
    if (end) return end;
    const lineStart = scan.at;
    scan.at = lineAfter(scan.raw, lineStart);
    const length = scan.at - lineStart;
    if (scan.raw[lineStart] === 0x0a || (length === 2 && scan.raw[lineStart] === 0x0d)) return null;
  }
  return null;
}

/** Goes behind the next line that is a boundary of any open multipart, or to the end. */
function nextBoundary(scan: Scan): End {
  const { raw, levels } = scan;
  let lineStart = scan.at;
  while (levels.size > 0 && lineStart >= 0) {
    const end = boundaryAt(scan, lineStart);
    if (end) return end;
    const found = raw.indexOf("\n--", lineStart);
    lineStart = found < 0 ? -1 : found + 1;
  }
  scan.at = raw.length;
  return { level: -1, isClose: true, at: raw.length };
}

/**
 * The boundary line that starts here, or null (RFC 2046 §5.1.1: whatever follows the boundary on its line does not matter;
 * of several the longest is meant). The line end before it belongs to it.
 */
function boundaryAt(scan: Scan, lineStart: number): End | null {
  const { raw, levels } = scan;
  if (raw[lineStart] !== 0x2d || raw[lineStart + 1] !== 0x2d) return null;
  const next = lineAfter(raw, lineStart);
  const line = raw.toString("latin1", lineStart + 2, Math.min(next, lineStart + maxBoundary));
  let found = "";
  for (const boundary of levels.keys()) {
    if (boundary.length > found.length && line.startsWith(boundary)) found = boundary;
  }
  const level = levels.get(found);
  if (level === undefined) return null;
  scan.at = next;
  return { level, isClose: line.startsWith("--", found.length), at: beforeLineEnd(raw, lineStart) };
}

function lineAfter(raw: Buffer, lineStart: number): number {
  const found = raw.indexOf(0x0a, lineStart);
  return found < 0 ? raw.length : found + 1;
}

function beforeLineEnd(raw: Buffer, lineStart: number): number {
  if (raw[lineStart - 1] !== 0x0a) return lineStart;
  return raw[lineStart - 2] === 0x0d ? lineStart - 2 : lineStart - 1;
}
