import { z } from "@hono/zod-openapi";
import { type EventType, eventTypes } from "../../mail/event.ts";
import { accountError, accountState } from "../accounts/schema.ts";
import { folder } from "../folders/schema.ts";
import { message } from "../messages/schema.ts";
import { id, listQuery, nullable, timestamp } from "../schemas.ts";
import { dataExamples } from "./examples.ts";

const actor = z.enum(["api", "external"]).openapi("EventActor", {
  description: "Who did it: a call of this API, or anybody else (another mail program, a filter, another person).",
});

const told = message
  .omit({ threadId: true, references: true, preview: true, text: true, html: true, headers: true })
  .extend({
    folderIds: z.array(z.string()).openapi({ description: "The folders that it lies in, as far as they are watched." }),
  });

const messageCreated = told
  .extend({
    actor,
    historical: z.boolean().openapi({
      description: "It was there before watching began, and is told because of the account's `watch.notifySince`.",
    }),
  })
  .openapi("MessageCreatedData");

const messageUpdated = told
  .extend({
    changes: z.array(z.enum(["flags", "keywords", "folderIds"])).openapi({ description: "What is not as it was." }),
    actor,
  })
  .openapi("MessageUpdatedData");

const messageMoved = told
  .extend({
    fromFolderId: nullable(z.string()).openapi({
      description: "The folder that it has left; null where that is not there any more.",
    }),
    toFolderId: z.string().openapi({ description: "The folder that it lies in now." }),
    actor,
  })
  .openapi("MessageMovedData");

const messageDeleted = z
  .object({
    id: z.string(),
    folderIds: z.array(z.string()).openapi({ description: "Where it lay." }),
    actor,
  })
  .openapi("MessageDeletedData");

const toldFolder = folder.omit({ subscribed: true, counts: true }).extend({ actor });
const folderData = toldFolder.openapi("FolderData");
const folderRenamed = toldFolder
  .extend({
    from: z
      .object({ name: z.string(), parentId: nullable(z.string()) })
      .openapi({ description: "What it was before." }),
  })
  .openapi("FolderRenamedData");

const accountData = z
  .object({
    state: accountState,
    since: timestamp,
    lastError: nullable(accountError).openapi({ description: "Why; null where all is well." }),
  })
  .openapi("AccountData");

const accountAlert = z
  .object({
    text: z.string().openapi({
      description: "The server's own words, on one line, at most 500 characters: plain text, from a stranger.",
    }),
  })
  .openapi("AccountAlertData");

const accountDeleted = z.object({ externalId: nullable(z.string()) }).openapi("AccountDeletedData");

/** `message.created` is MessageCreatedEvent in the document. */
const nameOf = (type: EventType): string =>
  `${type.replaceAll(/(?:^|\.)(\w)/g, (_, letter: string) => letter.toUpperCase())}Event`;

function eventOf<const T extends EventType, D extends z.ZodType>(type: T, description: string, data: D) {
  return z
    .object({
      id: id("evt").openapi({ description: "Its order is that of time. The id on the stream too." }),
      type: z.literal(type),
      createdAt: timestamp,
      accountId: id("acc"),
      externalId: nullable(z.string()).openapi({ description: "Your own id of the account at that time." }),
      sequence: z.int().openapi({ description: "The place in the app's log: 1, 2, 3, …" }),
      data,
    })
    .openapi(nameOf(type), {
      description,
      example: {
        id: "evt_0c8jv4h2m9q6s1t7r3n5k8p0ba",
        type,
        createdAt: "2026-11-22T09:30:00.000Z",
        accountId: "acc_0c8jv4h2m9q6s1t7r3n5k8p0ba",
        externalId: "user-4711",
        sequence: 4711,
        data: dataExamples[type],
      },
    });
}

export const event = z
  .discriminatedUnion("type", [
    eventOf(
      "account.connected",
      "The first login worked, or the first after the account was changed or resumed.",
      accountData,
    ),
    eventOf(
      "account.authenticationFailed",
      "The login was refused; nothing is tried until the account is changed or verified.",
      accountData,
    ),
    eventOf("account.unreachable", "The mail server can't be reached; it is tried again and again.", accountData),
    eventOf("account.recovered", "What had gone wrong is over.", accountData),
    eventOf(
      "account.degraded",
      "A login was refused and is tried again, or looking at the account takes too long.",
      accountData,
    ),
    eventOf("account.paused", "Nothing logs in any more until it is resumed.", accountData),
    eventOf(
      "account.alert",
      "The mail server wants the owner to see its words (IMAP `ALERT`); the same words once a day at most.",
      accountAlert,
    ),
    eventOf(
      "account.deleted",
      "The account was removed; the content of its earlier events has gone with it.",
      accountDeleted,
    ),
    eventOf("folder.created", "A folder is new.", folderData),
    eventOf(
      "folder.renamed",
      "A folder has another name or parent; its id and those of its messages stay.",
      folderRenamed,
    ),
    eventOf("folder.deleted", "A folder is gone.", folderData),
    eventOf("folder.reset", "The mail server has rebuilt a folder (UIDVALIDITY): list it anew.", folderData),
    eventOf("message.created", "A message has arrived.", messageCreated),
    eventOf("message.updated", "A message has other flags, keywords or folders.", messageUpdated),
    eventOf("message.moved", "A message lies in another folder.", messageMoved),
    eventOf("message.deleted", "A message is gone.", messageDeleted),
  ])
  .openapi("Event", { description: "New types may come: leave alone what you don't know." });

/** What both routes take to choose by. */
export const eventQuery = {
  type: listQuery(z.enum(eventTypes), 50)
    .optional()
    .openapi({
      items: { type: "string", enum: [...eventTypes] },
      description: "Only events of these types.",
      example: ["message.created"],
    }),
  account: listQuery(id("acc"), 50)
    .optional()
    .openapi({
      items: { type: "string", example: "acc_0c8jv4h2m9q6s1t7r3n5k8p0ba" },
      description: "Only events of these accounts.",
    }),
};

/** The names that may stand more than once. */
export const repeatable = Object.keys(eventQuery);
