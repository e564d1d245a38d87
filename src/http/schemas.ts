import { z } from "@hono/zod-openapi";
import { scopes } from "../mail/tenant.ts";

/** RFC 3339 UTC with milliseconds, as every answer tells a time. */
export const timestamp = z.string().openapi({
  format: "date-time",
  description: "RFC 3339, UTC, with milliseconds.",
  example: "2026-11-22T09:30:00.000Z",
});

const rfc3339 =
  /^\d{4}-(0[1-9]|1[0-2])-\d{2}[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

function isTime(text: string): boolean {
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  // The engine reads 30 February as 2 March: the day must come back as it went in.
  return rfc3339.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
}

/** A time as callers send it: RFC 3339 with any offset, and a day that exists. Stays a string. */
export const timestampInput = z
  .string()
  .refine(isTime, {
    error: "is an RFC 3339 time with an offset, such as 2026-11-22T09:30:00Z",
    params: { code: "format" },
  })
  .openapi({ format: "date-time", description: "RFC 3339 with an offset.", example: "2026-11-22T09:30:00Z" });

/** A boolean in a query: exactly `true` or `false`. */
export const booleanQuery = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .openapi({ type: "boolean" });

/** A whole number in a query: plain decimal digits, `min` to `max`. */
export function integerQuery(min: number, max: number) {
  const detail = `is a whole number from ${min} to ${max}`;
  return z
    .string()
    .refine((text) => /^(?:0|-?[1-9]\d{0,15})$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: detail,
      params: { code: "range" },
    })
    .transform(Number)
    .openapi({ type: "integer", minimum: min, maximum: max });
}

/**
 * Several values in a query, the name repeated or commas between them: `?type=a&type=b` or `?type=a,b`. The contract names such
 * parameters as `repeatable`.
 */
export function listQuery<T>(item: z.ZodType<T, string>, max: number) {
  return z
    .union([z.string(), z.array(z.string())])
    .transform((given, context) => {
      const texts = (Array.isArray(given) ? given : [given]).flatMap((one) => one.split(","));
      const result = z.array(item).max(max).safeParse(texts);
      if (result.success) return result.data;
      // Told about the parameter: which of its values it is says nothing to who has written them in one.
      for (const issue of result.error.issues) context.addIssue({ ...issue, path: [] });
      return z.NEVER;
    })
    .openapi({ type: "array", items: { type: "string" }, maxItems: max });
}

/** The query parameters of every list; spread them into the route's `z.strictObject`. */
export const pageQuery = {
  limit: integerQuery(1, 200)
    .default(50)
    .openapi({ type: "integer", minimum: 1, maximum: 200, default: 50, description: "How many to answer at most." }),
  cursor: z.string().min(1).max(2000).optional().openapi({
    description: "The `nextCursor` of the page before. Leave it out for the first page.",
  }),
};

/** A page of a list: `{data, nextCursor}`; `nextCursor` is null on the last page. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    nextCursor: z
      .union([z.string(), z.null()])
      .openapi({ description: "Hand it in as `cursor` for the next page; null on the last one." }),
  });
}

/** `schema` or null; the one way to say so that stays right in OpenAPI 3.1 for named schemas. */
export function nullable<T extends z.ZodType>(schema: T) {
  return z.union([schema, z.null()]);
}

const idExample = "0c8jv4h2m9q6s1t7r3n5k8p0ba";

/** An id of ours (DESIGN §4): prefix and 26 characters of lower-case base32. In a path, another shape is 404. */
export function id(prefix: "app" | "key" | "acc" | "fld" | "thr" | "evt" | "sub" | "dlv" | "whk" | "upl") {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-v]{26}$`))
    .openapi({ example: `${prefix}_${idExample}` });
}

/** A path parameter: an id by its prefix, named in the document. */
export function idParam(prefix: Parameters<typeof id>[0], description: string) {
  return id(prefix).openapi({ description });
}

/** The path parameter of a message; checked by its tag later, so that only its shape is looked at here. */
export const messageIdParam = z
  .string()
  .regex(/^msg_[A-Za-z0-9_-]{16,700}$/)
  .openapi({ description: "The message's id.", example: "msg_BQAAAAEAAAABAAAAKk3vXb8Yk2Qf7w" });

/** The path parameter of an attachment: `att_` and the MIME section path. */
export const attachmentIdParam = z
  .string()
  .regex(/^att_[1-9]\d{0,5}(?:\.[1-9]\d{0,5}){0,100}$/)
  .openapi({ description: "The attachment's id, from the message.", example: "att_2" });

/** Text for one header line or one name: 1 to `max` characters, no control characters (so no CR, LF, NUL). */
export function oneLine(max: number) {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), {
      error: "is one line without control characters",
      params: { code: "control-character" },
    });
}

/** A mailbox as answers tell it. */
export const address = z
  .object({
    name: z.string().openapi({ description: 'Decoded; "" where the header has none.', example: "Ada Lovelace" }),
    email: z.string().openapi({ example: "ada@example.org" }),
  })
  .openapi("Address");

/** RFC 9110 header of both submission routes; missing and malformed have codes of their own. */
export const idempotencyHeaders = z.object({
  "Idempotency-Key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .openapi({
      description: "Your own name for this request. Sent again with the same body, the first answer is repeated.",
      example: "b6f7a1de-0c4e-4d0e-9b3c-2f1f0a9d7a55",
    }),
});

export const scope = z.enum(scopes).openapi("Scope");
