import { z } from "@hono/zod-openapi";
import { type EventType, eventTypes } from "../../mail/event.ts";
import { accountError, accountState } from "../accounts/schema.ts";
import { folder } from "../folders/schema.ts";
import { message } from "../messages/schema.ts";
import { submission } from "../submissions/schema.ts";
import { id, listQuery, nullable, timestamp } from "../schemas.ts";
import { eventDescriptions } from "./descriptions.ts";
import { exampleOf } from "./examples.ts";

const actor = z.enum(["api", "external"]).openapi("EventActor", {
  description: "Who did it: a call of this API, or anybody else (another mail program, a filter, another person).",
});

const truncated = z
  .array(z.string())
  .optional()
  .openapi({
    description:
      "In what is sent to webhooks only: the members that are not whole, because all of it is too long for that. Lists and texts are shorter; " +
      "an address, keyword, Message-ID or entry of `metadata` that is itself too long is left out, or null.",
  });

const told = message.omit({ references: true, preview: true, text: true, html: true, headers: true }).extend({
  threadId: z.string().optional().openapi({
    description:
      "The conversation that it belongs to. Another message may later show that two are one; both ids then lead to it.",
    example: "thr_uaqi6avdliree8o96lph7p51r0",
  }),
  folderIds: z.array(z.string()).openapi({ description: "The folders that it lies in, as far as they are watched." }),
  truncated,
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

const messageBounced = z
  .object({
    id: z.string().openapi({ description: "The bounce: a message of the account." }),
    folderIds: z.array(z.string()).openapi({ description: "Where the bounce lies." }),
    submissionId: id("sub").openapi({ description: "What could not be delivered." }),
    originalMessageId: nullable(z.string()).openapi({ description: "Its Message-ID, with angle brackets." }),
    kind: z.enum(["failed", "delayed", "delivered", "relayed", "expanded"]).openapi({
      description:
        "The worst of its recipients' actions. `failed`: it is given up; `delayed`: it is still tried; the others are reports of success (RFC 3464 §2.3.3).",
    }),
    recipients: z
      .array(
        z.object({
          email: z.string(),
          action: z.enum(["failed", "delayed", "delivered", "relayed", "expanded"]),
          status: nullable(z.string()).openapi({ description: "RFC 3463.", example: "5.1.1" }),
          code: nullable(z.int()).openapi({ description: "The refusing server's SMTP reply code.", example: 550 }),
          text: nullable(z.string()).openapi({ description: "Its words." }),
        }),
      )
      .openapi({
        description:
          "Those of the submission's recipients whom the bounce names; empty where it names none. Anybody can write a bounce.",
      }),
    actor,
    truncated,
  })
  .openapi("MessageBouncedData");

const submissionData = submission
  .extend({
    messageId: nullable(z.string()).openapi({ description: "The Message-ID header, with angle brackets." }),
    truncated,
  })
  .openapi("SubmissionData", { description: "The submission as it was then." });

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

const webhookDisabled = z
  .object({
    webhookId: id("whk"),
    url: z.string().openapi({ description: "Where it was sent to, without the query." }),
    reason: z.enum(["gone", "failing"]).openapi({
      description: "`gone`: the receiver answered 410; `failing`: nothing has worked for five days.",
    }),
    failingSince: nullable(timestamp).openapi({
      description: "When the first of the failures was since which nothing was delivered; null where there was none.",
    }),
  })
  .openapi("WebhookDisabledData");

/** `message.created` is MessageCreatedEvent in the document. */
const nameOf = (type: EventType): string =>
  `${type.replaceAll(/(?:^|\.)(\w)/g, (_, letter: string) => letter.toUpperCase())}Event`;

const ofAccount = {
  accountId: id("acc"),
  externalId: nullable(z.string()).openapi({ description: "Your own id of the account at that time." }),
};
const ofNone = { accountId: z.null().openapi({ description: "It is about no account." }), externalId: z.null() };

function toldOf<const T extends EventType, D extends z.ZodType, A extends z.ZodRawShape>(type: T, data: D, about: A) {
  return z
    .object({
      id: id("evt").openapi({ description: "Its order is that of time. The id on the stream too." }),
      type: z.literal(type),
      createdAt: timestamp,
      ...about,
      sequence: z.int().openapi({ description: "The place in the app's log: 1, 2, 3, …" }),
      data,
    })
    .openapi(nameOf(type), { description: eventDescriptions[type], example: exampleOf(type) });
}

const eventOf = <const T extends EventType, D extends z.ZodType>(type: T, data: D) => toldOf(type, data, ofAccount);

export const event = z
  .discriminatedUnion("type", [
    eventOf("account.connected", accountData),
    eventOf("account.authenticationFailed", accountData),
    eventOf("account.unreachable", accountData),
    eventOf("account.recovered", accountData),
    eventOf("account.degraded", accountData),
    eventOf("account.paused", accountData),
    eventOf("account.alert", accountAlert),
    eventOf("account.deleted", accountDeleted),
    eventOf("folder.created", folderData),
    eventOf("folder.renamed", folderRenamed),
    eventOf("folder.deleted", folderData),
    eventOf("folder.reset", folderData),
    eventOf("message.created", messageCreated),
    eventOf("message.updated", messageUpdated),
    eventOf("message.moved", messageMoved),
    eventOf("message.deleted", messageDeleted),
    eventOf("message.bounced", messageBounced),
    eventOf("submission.sent", submissionData),
    eventOf("submission.deferred", submissionData),
    eventOf("submission.failed", submissionData),
    eventOf("submission.canceled", submissionData),
    eventOf("submission.uncertain", submissionData),
    toldOf("webhook.disabled", webhookDisabled, ofNone),
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
