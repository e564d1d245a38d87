import { Failure } from "../errors.ts";
import type { Refusal } from "./handle.ts";

/** What a database's error means to us. */
export type Meaning = Refusal | "unavailable" | "bug";

/**
 * A Failure for an error that is no refusal. `code` is the database's own word for it; its message and the query stay
 * out, because they can carry what was to be written.
 */
export function storageFailure(meaning: "unavailable" | "bug", code: string): Failure {
  const cause = Object.assign(new Error(code), { code });
  return meaning === "bug"
    ? new Failure("internal", "The database refused a statement of ours.", { cause })
    : new Failure("storage-unavailable", "The database can't be used at the moment.", {
        cause,
        retryAfter: 5,
        fix: "Try again; the operator finds the cause in the log and should look at the disk and the database.",
      });
}

/** What a failure of SQLite means, by its extended result code, or the name of the driver's error, and its message. */
export function sqliteMeaning(code: string, message: string): Meaning {
  if (code === "SQLITE_CONSTRAINT_NOTNULL" && message.includes("fences.ok")) return "refused";
  if (code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY") return "taken";
  return /^(?:SQLITE_(?:ERROR|CONSTRAINT|MISMATCH|MISUSE|RANGE|TOOBIG)|TypeError|RangeError)/.test(code)
    ? "bug"
    : "unavailable";
}

/** The innermost error: drizzle wraps a driver's error in one whose message carries query and values. */
export function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof Error && root.cause !== undefined) root = root.cause;
  return root;
}
