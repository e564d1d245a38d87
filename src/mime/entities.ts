import type { Part } from "../mail/part.ts";
import { makeBoundaries } from "./boundaries.ts";
import { rawHeaders } from "./headers.ts";
import { partHeaders } from "./part-headers.ts";

/** Dovecot's own limits. What lies deeper, or comes after so many parts, is not told apart: the part around it is one file. */
const maxDepth = 100;
const maxParts = 10_000;

/** A line that ends entities: all that are open inside the multipart at depth `level`, whose boundary it holds. */
export type Delimiter = { level: number; isClose: boolean };

/** An entity (RFC 2045 §2.4) whose header has been read, and what its body is made of. */
export type Entity = { part: Part; body: "parts" | "message" | "octets" };

/** The entities that are open at one place of a message, one inside the other, and the tree that they have made so far. */
export type Entities = {
  /** The message itself. */
  readonly root: Part;
  /** Whether any line can end anything: as long as a multipart waits for its boundary. */
  readonly isBounded: boolean;
  /** What a line that begins with two dashes is; `line` is what follows these. */
  delimiterOf(line: string): Delimiter | null;
  /** Opens the entity with this header block inside the innermost one. */
  open(header: Uint8Array): Entity;
  /** Closes what a delimiter ends, level -1 for the message's end: those parts, innermost first, and whether one follows. */
  close(delimiter: Delimiter): { ended: Part[]; isMore: boolean };
  /** Makes the message, a multipart without anything in it, one text. */
  showAsText(): void;
};

export function makeEntities(): Entities {
  const root: Part = { ...partHeaders([], "text/plain"), section: "1", encodedSize: 0, children: [] };
  /** By their depth. */
  const open: Part[] = [];
  const boundaries = makeBoundaries();
  let parts = 0;

  return {
    root,
    get isBounded() {
      return !boundaries.isEmpty;
    },
    delimiterOf(line) {
      // RFC 2046 §5.1.1: what follows the boundary on its line does not matter.
      const found = boundaries.startOf(line);
      return found && { level: found.level, isClose: line.startsWith("--", found.text.length) };
    },
    open(header) {
      const parent = open.at(-1);
      const depth = open.length;
      const defaultType = parent?.contentType === "multipart/digest" ? "message/rfc822" : "text/plain";
      const headers = partHeaders(rawHeaders(header), defaultType);
      const boundary = headers.parameters["boundary"]?.trimEnd() ?? "";
      const isMultipart = headers.contentType.startsWith("multipart/");
      const isSplit = isMultipart && boundary !== "" && depth < maxDepth;
      const facts = { ...headers, section: sectionIn(parent, isSplit) };
      if (isMultipart && !isSplit) facts.contentType = boundary === "" ? "text/plain" : "application/octet-stream";
      const part = parent ? { ...facts, encodedSize: 0, children: [] } : Object.assign(root, facts);
      parent?.children.push(part);
      open.push(part);
      parts++;
      if (isSplit) boundaries.add(boundary, depth);
      const isMessage = isReadableMessage(part) && depth < maxDepth && parts < maxParts;
      return { part, body: isSplit ? "parts" : isMessage ? "message" : "octets" };
    },
    close({ level, isClose }) {
      const ended = open.splice(level + 1).toReversed();
      const isMore = !isClose && parts < maxParts;
      boundaries.dropBelow(isMore ? level : level - 1);
      return { ended, isMore };
    },
    showAsText() {
      boundaries.dropBelow(-1);
      Object.assign(root, { contentType: "text/plain", section: "1" });
    },
  };
}

/** RFC 9051 §6.4.5.1: a multipart that is a message's body has no number of its own, any other body is its part 1. */
function sectionIn(parent: Part | undefined, isMultipart: boolean): string {
  if (!parent) return isMultipart ? "" : "1";
  if (parent.contentType === "message/rfc822") return isMultipart ? parent.section : `${parent.section}.1`;
  return `${parent.section === "" ? "" : `${parent.section}.`}${parent.children.length + 1}`;
}

/** RFC 2046 §5.2.1 allows a message no encoding; one that has been encoded nevertheless is a file. */
function isReadableMessage({ contentType, encoding }: Part): boolean {
  return contentType === "message/rfc822" && encoding !== "base64" && encoding !== "quoted-printable";
}
