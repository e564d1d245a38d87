import { Failure } from "../errors.ts";

/** The same failure, of a change that may have been made all the same, in part or as a whole: its problem says `changed: "unknown"`. */
export function halfDone(error: unknown): unknown {
  if (!(error instanceof Failure) || isHalfDone(error)) return error;
  const extra = { ...error.details.extra, changed: "unknown" };
  return new Failure(error.code, error.message, { ...error.details, extra, cause: error });
}

export function isHalfDone({ details }: Failure): boolean {
  return details.extra?.["changed"] === "unknown";
}
