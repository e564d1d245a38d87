import { z } from "@hono/zod-openapi";
import { id, timestamp } from "../schemas.ts";

export const app = z
  .object({
    id: id("app"),
    name: z.string().openapi({ description: "For people.", example: "Help desk" }),
    createdAt: timestamp,
  })
  .openapi("App");
