import { z } from "@hono/zod-openapi";
import { id } from "../schemas.ts";
import { messagePatch } from "./schema.ts";
import { searchFields, searchMeta } from "./search-schema.ts";

/** Messages of one request. */
const maxMessages = 1_000;

const isOneOf = (given: Record<string, unknown>, ...names: string[]): boolean =>
  names.filter((name) => given[name] !== undefined).length === 1;

const exampleId = "msg_BQAAAAEAAAABAAAAKk3vXb8Yk2Qf7w";

const search = z
  .strictObject({ ...searchFields, folder: searchFields.folder.unwrap().optional() })
  .refine((fields) => Object.keys(fields).length > 0, {
    error: "looks for nothing: name a folder, or what to look for",
  })
  .openapi({ description: "Takes the newest 1,000 messages that match, as `POST …/messages/search` finds them." });

const action = z
  .strictObject({
    ...messagePatch.shape,
    delete: z.enum(["trash", "permanent"]).optional().openapi({
      description: "Alone: move to the trash, or remove exactly these for good.",
    }),
  })
  .refine((given) => Object.values(given).some((member) => member !== undefined), { error: "changes nothing" })
  .refine((given) => given.delete === undefined || isOneOf(given, "flags", "keywords", "folderId", "delete"), {
    error: "deletes and changes at once",
    path: ["delete"],
  })
  .openapi("BatchAction", {
    description: "Flags and keywords first, then the folder, as PATCH of a message takes them; or `delete` alone.",
  });

export const batchInput = z
  .strictObject({
    ids: z
      .array(z.string().min(1).max(704))
      .min(1)
      .max(maxMessages)
      .optional()
      .openapi({
        description: "Ids of messages. One that stands twice is one.",
        example: [exampleId],
      }),
    search: search.optional(),
    action,
    dryRun: z.boolean().default(false).openapi({ description: "Find out what would be done, and do nothing." }),
  })
  .refine((given) => isOneOf(given, "ids", "search"), { error: "needs one of ids and search, and not both" })
  .openapi("BatchInput", { example: { ids: [exampleId], action: { flags: { seen: true } } } });

/** In the document it is the schema of every failure's body. */
const problem = z.looseObject({ code: z.string() }).openapi("Problem");

const result = z
  .object({
    id: z.string().openapi({ example: exampleId }),
    ok: z.boolean().openapi({ description: "Whether all of the action is done, or in a dry run would be." }),
    folderId: id("fld").optional().openapi({
      description: "Where the message lies now; absent when it was removed for good, and with `problem`.",
    }),
    warnings: z.array(z.string()).optional().openapi({
      description: "`id-ended-by-move`: it was moved, and its new id is to be had by listing its folder.",
    }),
    would: z
      .array(z.enum(["flags", "folderId", "delete"]))
      .optional()
      .openapi({ description: "In a dry run: the steps that would be taken; none where it is as it should be." }),
    problem: problem.optional().openapi({
      description:
        "Why not. `applied` lists the steps that were done before, `unknown` the one that may have been done or not.",
    }),
  })
  .openapi("BatchResult");

export const batchAnswer = z
  .object({
    results: z.array(result).openapi({ description: "One for each id, in the order asked; of a search newest first." }),
    meta: searchMeta
      .extend({
        more: z
          .boolean()
          .openapi({ description: "More match than were taken, or there was no time to look for more: ask again." }),
      })
      .optional()
      .openapi({ description: "How the search was answered." }),
  })
  .openapi("BatchAnswer");
