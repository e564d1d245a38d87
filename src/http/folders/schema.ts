import { z } from "@hono/zod-openapi";
import { folderRoles } from "../../mail/folder.ts";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { id, idParam, nullable, oneLine } from "../schemas.ts";

export const folderParams = accountParams.extend({ folderId: idParam("fld", "The folder.") });

export const folder = z
  .object({
    id: id("fld").openapi({ description: "Stays through renames." }),
    name: z.string().openapi({ example: "Receipts" }),
    parentId: nullable(z.string()).openapi({
      description: "Null at the top of the user's own folders, wherever the mail server keeps those.",
    }),
    role: nullable(z.enum(folderRoles).openapi("FolderRole")),
    selectable: z.boolean().openapi({ description: "False for a folder that only holds other folders." }),
    subscribed: z.boolean(),
    counts: nullable(z.object({ messages: z.int(), unseen: z.int() })).openapi({
      description: "Null where the server tells none.",
    }),
  })
  .openapi("Folder");

const name = oneLine(200)
  .refine((text) => text.trim() === text, {
    error: "has no white space at its start or end",
    params: { code: "white-space" },
  })
  .openapi({
    description:
      "One level's name, in any script (it is stored in Unicode's composed form, NFC). What stands between levels on the mail " +
      "server, mostly `/` or `.`, can't be in it.",
    example: "Receipts 2026",
  });

const parentId = z.union([id("fld"), z.null()]);

export const folderInput = z
  .strictObject({
    name,
    parentId: parentId.optional().openapi({ description: "The folder to put it into; null or absent: the top." }),
  })
  .openapi("FolderInput");

export const folderPatch = z
  .strictObject({
    name: name.optional(),
    parentId: parentId.optional().openapi({ description: "Move it into this folder; null: to the top." }),
    subscribed: z.boolean().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, { error: "changes nothing" })
  .openapi("FolderPatch");

/** What any change of a folder can fail with. */
export const folderChangeErrors = [...mailboxErrors, "unsupported-by-protocol"] as const;
