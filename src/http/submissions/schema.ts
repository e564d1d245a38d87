import { z } from "@hono/zod-openapi";
import { attachmentIdParam, id, idParam, nullable, oneLine, timestamp, timestampInput } from "../schemas.ts";

export const saveToSent = z.enum(["auto", "always", "never"]);

export const submissionParams = z.object({
  accountId: idParam("acc", "The account."),
  submissionId: idParam("sub", "The submission."),
});

const email = z.string().min(1).max(320).openapi({ example: "bob@example.org" });
const addressInput = z
  .strictObject({
    name: z.string().max(200).default("").openapi({ description: "Shown before the address.", example: "Bob" }),
    email,
  })
  .openapi("AddressInput");
const addresses = z.array(addressInput).max(1000);

const look = {
  contentId: z
    .string()
    .min(1)
    .max(250)
    .optional()
    .openapi({ description: "Without angle brackets; the HTML refers to it as `cid:…`. Makes it inline." }),
  inline: z.boolean().optional().openapi({ description: "Shown in place rather than offered." }),
};
const filename = z.string().min(1).max(255).openapi({ example: "invoice.pdf" });
const contentType = z.string().min(1).max(255).openapi({ example: "application/pdf" });
const ownName = filename.optional().openapi({ description: "Its own name by default." });
const ownType = contentType.optional().openapi({ description: "Its own type by default." });

/** Of any shape: what it names is looked up, and told to be there or not. */
const messageId = oneLine(710).openapi({ example: "msg_BQAAAAEAAAABAAAAKk3vXb8Yk2Qf7w" });

const attachmentInput = z
  .union([
    z
      .strictObject({
        filename,
        contentType,
        content: z.string().openapi({
          format: "byte",
          description: "Base64 with padding (RFC 4648 §4).",
          example: "aGVsbG8=",
        }),
        ...look,
      })
      .openapi({ description: "A file in the request itself." }),
    z
      .strictObject({
        messageId: messageId.openapi({ description: "A message of the account." }),
        attachmentId: attachmentIdParam.openapi({ description: "One of its `attachments`." }),
        filename: ownName,
        contentType: ownType,
        ...look,
      })
      .openapi({
        description: "An attachment of another message: it is read from the mailbox while this one is built.",
      }),
    z
      .strictObject({
        uploadId: id("upl").openapi({ description: "Of `POST …/uploads`." }),
        filename: ownName,
        contentType: ownType,
        ...look,
      })
      .openapi({ description: "A file that was uploaded before; the way for large ones." }),
  ])
  .openapi("AttachmentInput");

const meeting = [
  "BEGIN:VCALENDAR",
  "VERSION:2.0",
  "PRODID:-//Example//EN",
  "METHOD:REQUEST",
  "BEGIN:VEVENT",
  "UID:1@example.com",
  "DTSTAMP:20261123T120000Z",
  "DTSTART:20261201T090000Z",
  "DTEND:20261201T100000Z",
  "SUMMARY:Lunch",
  "ORGANIZER:mailto:ann@example.com",
  "ATTENDEE;RSVP=TRUE:mailto:bob@example.org",
  "END:VEVENT",
  "END:VCALENDAR",
  "",
].join("\r\n");

const calendar = z
  .strictObject({
    method: z.enum(["PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"]).openapi({
      description: "What it asks for (RFC 5546): REQUEST invites.",
    }),
    content: z.string().min(1).openapi({
      description: "iCalendar (RFC 5545), with the same METHOD in it.",
      example: meeting,
    }),
  })
  .openapi({ description: "A meeting, which mail programs show with buttons to accept it." });

const metadata = z
  .record(oneLine(100), z.union([z.literal(""), oneLine(1000)]))
  .refine((record) => Object.keys(record).length <= 50, { error: "holds at most 50 entries" });

/** When and how it goes out. */
const sending = {
  sendAt: timestampInput.optional().openapi({ description: "Send then, at most a year ahead." }),
  undoSeconds: z.int().min(1).max(3600).optional().openapi({
    description: "Send after so many seconds, in which a DELETE takes it back; not beside `sendAt`.",
    example: 10,
  }),
  deliverBefore: timestampInput.optional().openapi({
    description: "Give up then. Three days after the message is due by default, 30 at most.",
  }),
  saveToSent: saveToSent.optional().openapi({
    description:
      "Whether a copy goes into the sent folder; the account's own setting by default. `auto` leaves it to providers that file one themselves.",
  }),
  envelope: z
    .strictObject({
      from: email.optional().openapi({ description: "Who is told of failures; `from` by default." }),
      to: z.array(email).min(1).max(1000).optional().openapi({
        description: "Who gets it, in place of all of `to`, `cc` and `bcc`, which are then only shown.",
      }),
    })
    .optional()
    .openapi({
      description: "What the mail server is told, where the header is to say something else (RFC 5321 §2.3.1).",
    }),
};

const replying = {
  inReplyTo: messageId.optional().openapi({
    description:
      "The id of a message of the account that this one answers or forwards. Recipients, subject and the headers that keep a conversation together come " +
      "from it, unless you name them; once sent, the original is marked as answered or forwarded.",
  }),
  action: z.enum(["reply", "replyAll", "forward"]).optional().openapi({
    description:
      "What is done with it, `reply` by default. `replyAll` goes to everybody who got it but the account itself. A `forward` needs recipients of its own.",
  }),
  quote: z.boolean().optional().openapi({
    description:
      "Whether the original stands below your text and your HTML, quoted; by default that of a forward does. Its HTML is sanitised.",
  }),
  includeAttachments: z.boolean().optional().openapi({
    description:
      "Whether the original's attachments go along; by default those of a forward do. Images that quoted HTML shows go along in any case.",
  }),
};

export const submissionInput = z
  .strictObject({
    from: addressInput.optional().openapi({ description: "The account's own name and address by default." }),
    to: addresses.optional().openapi({
      description:
        "`to`, `cc` and `bcc` hold 1 to 1,000 addresses together; for a reply, those of the original by default.",
    }),
    cc: addresses.optional(),
    bcc: addresses.default([]).openapi({ description: "Get the message; nobody sees that they do." }),
    replyTo: addresses.default([]).openapi({ description: "Where answers are to go, if not to `from`." }),
    subject: z.string().max(998).optional().openapi({
      description: "Empty by default; for a reply, the original's with `Re:` before it, for a forward with `Fwd:`.",
      example: "Your invoice",
    }),
    text: z.string().optional().openapi({
      description: "What is read where HTML is not shown.",
      example: "Hello Bob,\nthe invoice is attached.\n",
    }),
    html: z.string().optional().openapi({ description: "Sent as it is, beside `text` where there is both." }),
    calendar: calendar.optional(),
    attachments: z.array(attachmentInput).max(200).default([]),
    headers: z
      .array(z.strictObject({ name: z.string().min(1).max(200), value: z.string().max(998) }))
      .max(100)
      .default([])
      .openapi({ description: "`X-…`, `List-…` and a few others; none that says who, when or what a message is." }),
    ...replying,
    ...sending,
    metadata: metadata.default({}).openapi({ description: "Yours; kept and answered as it is." }),
  })
  .openapi("SubmissionInput", {
    example: {
      to: [{ name: "Bob", email: "bob@example.org" }],
      subject: "Your invoice",
      text: "Hello Bob,\nthe invoice is attached.\n",
      attachments: [{ filename: "invoice.txt", contentType: "text/plain", content: "aGVsbG8=" }],
    },
  });

export const submissionPatch = z
  .strictObject({
    sendAt: nullable(timestampInput).optional().openapi({
      description: "The new time; null: at once. While it is `scheduled` or `queued`; `deliverBefore` moves along.",
    }),
    resolve: z.enum(["sent", "retry"]).optional().openapi({
      description:
        "What you found out about one that is `uncertain`. `sent`: it arrived. `retry`: send it once more, to those of whom nobody knows; if it did arrive, they have it twice.",
    }),
  })
  .refine((patch) => Object.keys(patch).length === 1, { error: "is one of sendAt and resolve" })
  .openapi("SubmissionPatch", { example: { sendAt: null } });

const recipient = z
  .object({
    email: z.string(),
    state: z.enum(["pending", "accepted", "deferred", "rejected", "uncertain"]),
    code: nullable(z.int()).openapi({ description: "The server's SMTP reply code.", example: 250 }),
    enhancedCode: nullable(z.string()).openapi({ description: "RFC 3463.", example: "2.0.0" }),
    text: nullable(z.string()).openapi({ description: "The server's words, or what kept us from it." }),
  })
  .openapi("SubmissionRecipient");

export const submission = z
  .object({
    id: id("sub"),
    accountId: id("acc"),
    state: z.enum(["scheduled", "queued", "sending", "sent", "failed", "canceled", "uncertain"]).openapi({
      description:
        "`scheduled`: it waits for `sendAt`. `queued`: it is due, or waits for another attempt. `sent`: nobody is left to try, and at least one has it. `failed`: nobody has it. " +
        "`canceled`: it was taken back. `uncertain`: the line was lost " +
        "after the message had been handed over; it is not sent again by itself unless the account says so, and PATCH settles it.",
    }),
    messageId: z.string().openapi({ description: "The Message-ID header, with angle brackets." }),
    subject: z.string(),
    envelope: z.object({ from: z.string(), to: z.array(z.string()) }),
    recipients: z.array(recipient),
    size: z.int().openapi({ description: "Octets of the message as it goes out." }),
    attempts: z.int(),
    nextAttemptAt: nullable(timestamp),
    lastError: nullable(z.object({ code: z.string(), detail: z.string() })).openapi({
      description: "Why the last attempt failed as a whole, with a code of the problems; null where it did not.",
    }),
    sendAt: nullable(timestamp).openapi({
      description: "When it was put off to, or brought forward; null: it was due when it came.",
    }),
    deliverBefore: timestamp,
    inReplyTo: nullable(z.string()).openapi({ description: "The id of the message that it answers or forwards." }),
    action: nullable(z.enum(["reply", "replyAll", "forward"])),
    saveToSent,
    sentCopy: nullable(z.enum(["pending", "stored", "provider", "failed"])).openapi({
      description:
        "The copy in the sent folder: `pending`, `stored` by Postern, filed by the `provider`, or `failed`. Null until the message is sent, and where there is none to be.",
    }),
    metadata: z.record(z.string(), z.string()),
    warnings: z.array(z.string()).openapi({
      description:
        "`expired` (`deliverBefore` came first) `parked` (tried no more: three workers were lost over it) `possible-duplicate` (sent again after an uncertain attempt) " +
        "`recipient-left-out` (an address of the original that no server takes) `line-too-long` (a raw message has lines of more than 998 octets) " +
        "`sent-copy-failed` `sent-copy-too-large` `original-not-flagged`.",
    }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .openapi("Submission");
