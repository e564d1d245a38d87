import { z } from "@hono/zod-openapi";
import { type Flags, systemFlags } from "../../mail/flags.ts";
import type { appendMessage as operation } from "../../operations/append-message.ts";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { announcedLength, rawBytes } from "../body.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { id, timestampInput } from "../schemas.ts";
import { folderQuery, keyword, message } from "./schema.ts";

/** Octets. */
const maxBody = 32 * 1024 * 1024;

/** Words separated by commas, each once. */
function wordList<T>(word: z.ZodType<T>, error: string) {
  const list = z.array(word).max(50);
  const split = (text: string) => [...new Set(text.split(","))];
  return z
    .string()
    .refine((text) => list.safeParse(split(text)).success, { error, params: { code: "value" } })
    .transform((text) => list.parse(split(text)));
}

const flagNames = Object.keys(systemFlags) as [keyof Flags, ...(keyof Flags)[]];

const storedMessage = z
  .object({
    accountId: id("acc"),
    folderIds: z.array(z.string()),
    size: z.int(),
    warnings: z.array(z.string()).openapi({ description: "`id-unknown`" }),
  })
  .openapi("StoredMessage", {
    description:
      "A message that is stored, and can't be told from others in its folder without doubt: it has no id here.",
  });

const route = contract({
  operationId: "messages.append",
  method: "post",
  path: "/v1/accounts/{accountId}/messages",
  scope: "messages:write",
  tag: "Messages",
  summary: "Store a raw message in a folder",
  description:
    "The body is the message (RFC 5322), 32 MiB at most. It is stored as it is, but for a line end that is a bare LF: that " +
    "becomes CRLF, as mail servers want it. A NUL is refused. Nothing is sent to anybody. Where the mail server does not tell " +
    "which message of the folder it became, and it can't be found without doubt, the answer has no `id` and no Location: list " +
    "the folder, and do not store it again. The same goes for a problem that says `stored: unknown`.",
  request: {
    params: accountParams,
    query: z.strictObject({
      folder: folderQuery.default("inbox").openapi({
        type: "string",
        default: "inbox",
        description: "The folder to store it in: an id, or a role.",
      }),
      flags: wordList(z.enum(flagNames), `is a list of ${flagNames.join(", ")}, separated by commas`)
        .optional()
        .openapi({
          type: "string",
          description: "Flags to store it with, separated by commas: `seen`, `flagged`, `answered`, `draft`.",
          example: "seen,flagged",
        }),
      keywords: wordList(keyword, "is a list of IMAP atoms (RFC 9051 §2.3.2), separated by commas").optional().openapi({
        type: "string",
        description: "Keywords to store it with, separated by commas.",
        example: "$Forwarded",
      }),
      receivedAt: timestampInput
        .transform((text) => Date.parse(text))
        .refine((ms) => ms >= 0 && ms < Date.UTC(10_000, 0), { error: "is a time from 1970 to 9999" })
        .optional()
        .openapi({
          type: "string",
          format: "date-time",
          description: "When it was received, cut to whole seconds; absent: now.",
        }),
    }),
    raw: "message/rfc822",
  },
  responses: {
    201: {
      description: "The message as a listing tells it; without an id where nobody can tell which one it is.",
      headers: { Location: { description: "Where the message is, if it has an id.", schema: { type: "string" } } },
      content: { "application/json": { schema: z.union([message, storedMessage]) } },
    },
  },
  errors: [...mailboxErrors, "unsupported-by-protocol", "message-too-large"],
  maxBody,
});

export function appendMessage(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId } = c.req.valid("param");
    const { folder, flags = [], keywords = [], receivedAt = null } = c.req.valid("query");
    const stored = await run(c.var.caller, accountId, {
      folder,
      signal: c.req.raw.signal,
      flags,
      keywords,
      receivedAt,
      announced: announcedLength(c.req.raw),
      read: (limit) => rawBytes(c.req.raw, limit),
    });
    if ("id" in stored) c.header("Location", `/v1/accounts/${accountId}/messages/${stored.id}`);
    return c.json(stored, 201);
  });
}
