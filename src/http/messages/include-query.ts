import { z } from "@hono/zod-openapi";
import { includes } from "../../operations/include-in-messages.ts";
import { listQuery } from "../schemas.ts";

const description =
  "What else to tell of each message: `preview`, `text`, `html`, `references`, `headers`, `threadId`. It costs more than the rest; of the " +
  "texts of a page 8 MiB are downloaded at most, and messages beyond that told without, with the warning `body-omitted`.";

/** `include` in the query of a list; it may be repeated (`repeatable`). */
export const includeQuery = listQuery(z.enum(includes), includes.length)
  .optional()
  .openapi({
    type: "array",
    items: { type: "string", enum: [...includes] },
    maxItems: includes.length,
    description: `${description} Names separated by commas, or repeated.`,
    example: ["preview"],
  });

/** The same in a body. */
export const includeList = z.array(z.enum(includes)).max(includes.length).optional().openapi({ description });
