import type { EventType } from "../../mail/event.ts";

/** What has happened, for the reference. */
export const eventDescriptions: Record<EventType, string> = {
  "account.connected": "The first login worked, or the first after the account was changed or resumed.",
  "account.authenticationFailed": "The login was refused; nothing is tried until the account is changed or verified.",
  "account.unreachable": "The mail server can't be reached; it is tried again and again.",
  "account.recovered": "What had gone wrong is over.",
  "account.degraded": "A login was refused and is tried again, or looking at the account takes too long.",
  "account.paused": "Nothing logs in any more until it is resumed.",
  "account.alert":
    "The mail server wants the owner to see its words (IMAP `ALERT`); the same words once a day at most.",
  "account.deleted": "The account was removed; the content of its earlier events has gone with it.",
  "folder.created": "A folder is new.",
  "folder.renamed": "A folder has another name or parent; its id and those of its messages stay.",
  "folder.deleted": "A folder is gone.",
  "folder.reset": "The mail server has rebuilt a folder (UIDVALIDITY): list it anew.",
  "message.created": "A message has arrived.",
  "message.updated": "A message has other flags, keywords or folders.",
  "message.moved": "A message lies in another folder.",
  "message.deleted": "A message is gone.",
  "message.bounced":
    "A bounce of a message that was sent from here has arrived: it could not be delivered to some, or not yet. `message.created` tells the bounce itself.",
  "submission.sent":
    "All who can have the message have it, as far as the account's own server goes, and at least one does.",
  "submission.deferred": "An attempt did not reach all, or the next one was put off; it goes on by itself.",
  "submission.failed": "Nobody has the message, and nothing is tried any more.",
  "submission.canceled": "It was taken back before it went out to all.",
  "submission.uncertain":
    "The line was lost after the message had been handed over: some may have it or not. `PATCH` it with `resolve`.",
  "webhook.disabled": "A webhook gets nothing any more, because of its receiver. The app's other webhooks are told.",
};
