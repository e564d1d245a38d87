import { z } from "@hono/zod-openapi";
import { folderRoles } from "../../mail/folder.ts";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { address, attachmentIdParam, id, messageIdParam, nullable, timestamp } from "../schemas.ts";
import { authenticationResults, invite, listUnsubscribe } from "./content-schema.ts";

export const messageParams = accountParams.extend({ messageId: messageIdParam });
export const attachmentParams = messageParams.extend({ attachmentId: attachmentIdParam });

/** A folder in a query: an id or a role. */
export const folderQuery = z
  .string()
  .regex(new RegExp(`^(?:fld_[0-9a-v]{26}|${folderRoles.join("|")})$`), {
    error: `is a folder's id, or a role: ${folderRoles.join(", ")}`,
  })
  .openapi({ type: "string", description: "A folder's id, or a role.", example: "inbox" });

export const copyQuery = {
  folder: folderQuery.optional().openapi({
    type: "string",
    description: "Picks one copy of a message that lies in several folders: a folder's id, or a role.",
  }),
};

const flags = z.object({
  seen: z.boolean(),
  flagged: z.boolean(),
  answered: z.boolean(),
  draft: z.boolean(),
});

export const attachment = z
  .object({
    id: z.string().openapi({ example: "att_2" }),
    filename: nullable(z.string()).openapi({ example: "invoice.pdf" }),
    contentType: z.string().openapi({ example: "application/pdf" }),
    size: z.int().optional().openapi({ description: "Octets when decoded; only where it is exact." }),
    encodedSize: z.int().openapi({ description: "Octets as they lie on the server." }),
    contentId: nullable(z.string()),
    inline: z.boolean(),
  })
  .openapi("Attachment");

export const message = z
  .object({
    id: z.string().openapi({ example: "msg_BQAAAAEAAAABAAAAKk3vXb8Yk2Qf7w" }),
    accountId: id("acc"),
    threadId: id("thr").optional().openapi({
      description: "Its conversation. Stays good when that is merged into another: the id leads there.",
    }),
    folderIds: z.array(z.string()).openapi({ description: "The folders in which this request saw the message." }),
    messageId: nullable(z.string()).openapi({ example: "<20261122.4711@example.org>" }),
    inReplyTo: nullable(z.string()),
    references: z.array(z.string()).optional(),
    subject: z.string(),
    from: nullable(address),
    sender: nullable(address),
    replyTo: z.array(address),
    to: z.array(address),
    cc: z.array(address),
    bcc: z.array(address),
    date: nullable(timestamp).openapi({ description: "The Date header; null when it is missing or broken." }),
    receivedAt: timestamp.optional().openapi({ description: "When the server got it, in whole seconds." }),
    size: z.int().openapi({ description: "Octets, as the server tells." }),
    flags,
    keywords: z.array(z.string()),
    hasAttachment: z.boolean().optional(),
    attachments: z.array(attachment).optional(),
    preview: z.string().optional().openapi({
      description: "The beginning of what it says, on one line: 200 characters at most, without what it quotes.",
      example: "Hello Bob, the invoice is attached.",
    }),
    text: nullable(z.string()).optional().openapi({ description: "Its plain text; null where it has none." }),
    html: nullable(z.string()).optional().openapi({
      description: "As it was sent: not sanitised. To show it, GET `…/html`.",
    }),
    headers: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
    invite: nullable(invite).optional().openapi({ description: "What its first calendar says of events; or null." }),
    listUnsubscribe: nullable(listUnsubscribe).optional(),
    authenticationResults: authenticationResults.optional(),
    warnings: z.array(z.string()).openapi({
      description:
        "What was wrong with the message, or is not known of it: `date-unparseable` `address-unparseable` (a name without " +
        "an address was left out) `charset-unknown` (text was guessed) `encoding-broken` (text holds U+FFFD) " +
        "`header-truncated` `body-truncated` `body-omitted` (a list's `include` was left out of this message) " +
        "`envelope-missing` `flags-missing` `size-missing` `structure-missing` " +
        "`id-ended-by-move`.",
    }),
  })
  .openapi("Message");

export const keyword = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[\x21\x23\x24\x26\x27\x2b-\x5b\x5e-\x7a\x7c\x7e]+$/, {
    error: "is an IMAP atom without \\ at its start (RFC 9051 §2.3.2)",
  })
  .openapi({ example: "$Forwarded" });

const keywordList = z.array(keyword).max(50);

export const messagePatch = z
  .strictObject({
    flags: z
      .strictObject({
        seen: z.boolean().optional(),
        flagged: z.boolean().optional(),
        answered: z.boolean().optional(),
        draft: z.boolean().optional(),
      })
      .refine((change) => Object.keys(change).length > 0, { error: "changes nothing" })
      .optional(),
    keywords: z
      .strictObject({ add: keywordList.optional(), remove: keywordList.optional() })
      .refine((change) => (change.add?.length ?? 0) + (change.remove?.length ?? 0) > 0, { error: "changes nothing" })
      .refine((change) => !change.add?.some((word) => change.remove?.includes(word)), {
        error: "adds and removes the same keyword",
      })
      .optional(),
    folderId: z
      .string()
      .regex(/^fld_[0-9a-v]{26}$/, {
        error: "is a folder's id, as the list of folders tells it; a role is not taken here",
      })
      .optional()
      .openapi({ description: "Move it here.", example: "fld_0c8jv4h2m9q6s1t7r3n5k8p0ba" }),
  })
  .refine((patch) => Object.keys(patch).length > 0, { error: "changes nothing" })
  .openapi("MessagePatch");

/** What any use of one message can fail with. */
export const messageErrors = [...mailboxErrors, "message-gone"] as const;
