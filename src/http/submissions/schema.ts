import { z } from "@hono/zod-openapi";
import { id, idParam, nullable, timestamp, timestampInput } from "../schemas.ts";

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
const addresses = z.array(addressInput).max(1000).default([]);

const attachmentInput = z
  .strictObject({
    filename: z.string().min(1).max(255).openapi({ example: "invoice.pdf" }),
    contentType: z.string().min(1).max(255).openapi({ example: "application/pdf" }),
    content: z.string().openapi({
      format: "byte",
      description: "Base64 with padding (RFC 4648 §4).",
      example: "aGVsbG8=",
    }),
    contentId: z
      .string()
      .min(1)
      .max(250)
      .optional()
      .openapi({ description: "Without angle brackets; the HTML refers to it as `cid:…`. Makes it inline." }),
    inline: z.boolean().optional().openapi({ description: "Shown in place rather than offered." }),
  })
  .openapi("AttachmentInput");

const metadata = z
  .record(z.string().min(1).max(100), z.string().max(1000))
  .refine((record) => Object.keys(record).length <= 50, { error: "holds at most 50 entries" });

export const submissionInput = z
  .strictObject({
    from: addressInput.optional().openapi({ description: "The account's own name and address by default." }),
    to: addresses.openapi({ description: "`to`, `cc` and `bcc` hold 1 to 1,000 addresses together." }),
    cc: addresses,
    bcc: addresses.openapi({ description: "Get the message; nobody sees that they do." }),
    replyTo: addresses,
    subject: z.string().max(998).default("").openapi({ example: "Your invoice" }),
    text: z.string().optional().openapi({ example: "Hello Bob,\nthe invoice is attached.\n" }),
    html: z.string().optional(),
    attachments: z.array(attachmentInput).max(200).default([]),
    headers: z
      .array(z.strictObject({ name: z.string().min(1).max(200), value: z.string().max(998) }))
      .max(100)
      .default([])
      .openapi({ description: "`X-…`, `List-…` and a few others; none that says who, when or what a message is." }),
    sendAt: timestampInput.optional().openapi({ description: "Send then, at most a year ahead." }),
    deliverBefore: timestampInput.optional().openapi({
      description: "Give up then. Three days after the message is due by default, 30 at most.",
    }),
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
        "`sent`: nobody is left to try, and at least one has it. `failed`: nobody has it. `uncertain`: the line was lost " +
        "after the message had been handed over; it is not sent again by itself unless the account says so.",
    }),
    messageId: z.string().openapi({ description: "The Message-ID header, with angle brackets." }),
    subject: z.string(),
    envelope: z.object({ from: z.string(), to: z.array(z.string()) }),
    recipients: z.array(recipient),
    size: z.int().openapi({ description: "Octets of the message as it goes out." }),
    attempts: z.int(),
    nextAttemptAt: nullable(timestamp),
    sendAt: nullable(timestamp),
    deliverBefore: timestamp,
    metadata: z.record(z.string(), z.string()),
    warnings: z.array(z.string()).openapi({
      description: "`expired`, `parked`, `possible-duplicate`.",
    }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .openapi("Submission");
