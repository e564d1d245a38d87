import { z } from "@hono/zod-openapi";
import { id, timestamp } from "../schemas.ts";

export const upload = z
  .object({
    id: id("upl"),
    accountId: id("acc"),
    filename: z.string().openapi({ example: "invoice.pdf" }),
    contentType: z.string().openapi({ example: "application/pdf" }),
    size: z.int().openapi({ description: "Octets." }),
    createdAt: timestamp,
    expiresAt: timestamp.openapi({ description: "A submission that names it later is refused." }),
  })
  .openapi("Upload");
