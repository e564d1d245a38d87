import { z } from "@hono/zod-openapi";
import { Failure } from "../../errors.ts";
import type { MessageState } from "../../mail/message.ts";
import type { Precondition } from "../../operations/message-state.ts";
import { passes, tagOf } from "../etag.ts";

/** The entity tag of a message: strong, of all of it that may change as long as it has its id, but for its thread, which old ids lead to as well. */
export function messageTag({ id, folderIds, flags, keywords }: MessageState): string {
  const set = Object.entries(flags).flatMap(([name, value]) => (value ? [name] : []));
  return tagOf(id, "message", JSON.stringify([folderIds, set.sort(), keywords.toSorted()]));
}

/** What If-Match demands; null where it is missing. */
export function preconditionOf(ifMatch: string | undefined): Precondition {
  if (ifMatch === undefined) return null;
  return (state) => {
    if (passes(ifMatch, messageTag(state))) return;
    throw new Failure("precondition-failed", "The message is not as it was when it had the ETag that If-Match names.", {
      fix: "GET the message again, and decide anew.",
    });
  };
}

export const etagHeader = {
  description:
    "Strong. It changes with the flags, the keywords and the folder. Of the rest of a message only `threadId` ever changes, and an old one leads on.",
  schema: { type: "string" as const },
};

export const ifMatchHeaders = z.object({
  "If-Match": z.string().max(2000).optional().openapi({
    description:
      "An ETag of the message, or several with commas between. Where it has none of them any more: 412, and nothing is changed.",
  }),
});

export const ifNoneMatchHeaders = z.object({
  "If-None-Match": z.string().max(2000).optional().openapi({
    description: "An ETag that you have. Where the answer would be the same: 304, without downloading anything.",
  }),
});
