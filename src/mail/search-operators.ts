import { folderRoles } from "./folder.ts";
import type { Predicate, TextOp } from "./search.ts";
import { readOctets, readSince, relativeDay } from "./search-values.ts";

type Read = Predicate | { op: "not"; of: Predicate };

/** A predicate by an operator's value, or what is wrong with it, to follow the operator's name; `now` in milliseconds. */
export type Reading = (value: string, now: number) => Read | string;

const textOf =
  (op: TextOp): Reading =>
  (value) => ({ op, value });

/** A word, or a phrase in quotes, that stands alone. */
export const freeText: Reading = textOf("text");

const states = new Map<string, Read>(
  Object.entries({
    read: { op: "seen" },
    seen: { op: "seen" },
    unread: { op: "not", of: { op: "seen" } },
    unseen: { op: "not", of: { op: "seen" } },
    starred: { op: "flagged" },
    flagged: { op: "flagged" },
    unstarred: { op: "not", of: { op: "flagged" } },
    unflagged: { op: "not", of: { op: "flagged" } },
    answered: { op: "answered" },
    replied: { op: "answered" },
    unanswered: { op: "not", of: { op: "answered" } },
    draft: { op: "draft" },
  } as const),
);

/** Roles in any case, and Gmail's names for some. */
const folderNames = new Map<string, string>([
  ...folderRoles.map((role) => [role.toLowerCase(), role] as const),
  ["spam", "junk"],
  ["draft", "drafts"],
  ["bin", "trash"],
  ["starred", "flagged"],
]);

const keyword: Reading = (value) => ({ op: "keyword", value });
const messageId: Reading = (value) => ({
  op: "messageId",
  value: value.startsWith("<") ? value : `<${value}>`,
});
const since: Reading = (value) => readInstant("since", value);
const before: Reading = (value) => readInstant("before", value);

/** By name, lower case. */
export const searchOperators: ReadonlyMap<string, Reading> = new Map<string, Reading>(
  Object.entries({
    from: textOf("from"),
    to: textOf("to"),
    cc: textOf("cc"),
    bcc: textOf("bcc"),
    subject: textOf("subject"),
    text: textOf("text"),
    body: textOf("body"),
    filename: textOf("filename"),
    keyword,
    label: keyword,
    rfc822msgid: messageId,
    messageid: messageId,
    header(value) {
      const equals = value.indexOf("=");
      if (equals < 0) return { op: "header", name: value, value: "" };
      return { op: "header", name: value.slice(0, equals), value: value.slice(equals + 1) };
    },
    is: (value) => states.get(value.toLowerCase()) ?? `is one of ${[...states.keys()].join(", ")}`,
    has: (value) => (value.toLowerCase() === "attachment" ? { op: "hasAttachment" } : "knows only attachment"),
    in(value) {
      const name = value.toLowerCase();
      if (name === "anywhere" || name === "all") return "names one folder; where to search is said by `folder`";
      return { op: "inFolder", folder: folderNames.get(name) ?? value };
    },
    after: since,
    since,
    before,
    newer_than: (value, now) => relative("since", value, now),
    older_than: (value, now) => relative("before", value, now),
    larger: (value) => size("largerThan", value),
    smaller: (value: string) => size("smallerThan", value),
  } satisfies Record<string, Reading>),
);

function readInstant(op: "since" | "before", value: string): Read | string {
  const at = readSince(value);
  return at === null ? "is a day that exists, such as 2026-01-31, or an RFC 3339 time" : { op, at };
}

function relative(op: "since" | "before", value: string, now: number): Read | string {
  const at = relativeDay(value, now);
  return at === null ? "is a number of days, weeks, months or years, such as 2d, 3w, 6m or 1y" : { op, at };
}

function size(op: "largerThan" | "smallerThan", value: string): Read | string {
  const octets = readOctets(value);
  return octets === null ? "is a number of octets, or of K, M or G (1024 each), such as 5M" : { op, octets };
}
