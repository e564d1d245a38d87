import { z } from "@hono/zod-openapi";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { message } from "../messages/schema.ts";
import { id, idParam, pageOf, timestamp } from "../schemas.ts";

export const threadParams = accountParams.extend({
  threadId: idParam("thr", "The thread: its id, or one that it had before it was merged into another."),
});

const folder = z.object({
  folderId: id("fld"),
  known: z.int().openapi({ description: "So many of its messages are indexed." }),
  of: z.int().openapi({ description: "So many it had when it was looked at last." }),
});

const indexed = z
  .object({
    state: z.enum(["off", "building", "built"]).openapi({
      description:
        "`off`: nobody watches the account, so that nothing comes into the index; what is told was known before. `building`: " +
        "some of what was there before watching began is still to come in. `built`: all has that ever will (docs/threads.md).",
    }),
    complete: z.boolean().openapi({ description: "True: every message of every folder is indexed." }),
    folders: z.array(folder).openapi({ description: "The folders that have been looked at." }),
  })
  .openapi("ThreadIndex");

const meta = z
  .object({
    indexed,
    failed: z
      .array(z.object({ folderId: id("fld"), code: z.string(), detail: z.string() }))
      .openapi({ description: "Folders that could not be read now, and why; what the others hold is told." }),
  })
  .openapi("ThreadMeta", { description: "How far the answer can be relied on." });

const facts = {
  id: id("thr"),
  accountId: id("acc"),
  subject: z.string().openapi({
    description: "Of its latest message, without `Re:`, `Fwd:` and the like.",
    example: "Lunch?",
  }),
  messageCount: z.int().openapi({ description: "How many messages of it are indexed; copies count once." }),
  folderIds: z.array(id("fld")).openapi({ description: "The folders that its messages lie in." }),
  lastMessageAt: timestamp.openapi({ description: "When its latest message arrived." }),
};

const listedThread = z
  .object({ ...facts, latest: message.openapi({ description: "Its latest message that is there." }) })
  .openapi("ListedThread");

export const threadPage = pageOf(listedThread).extend({ meta });

export const thread = z
  .object({
    ...facts,
    messages: z.array(message).openapi({
      description:
        "Oldest first. A message that lies in several folders under one id is told once, and names them all.",
    }),
    truncated: z.boolean().openapi({ description: "There are older messages than the 500 that are told." }),
    meta,
  })
  .openapi("Thread");

export const threadErrors = mailboxErrors;
