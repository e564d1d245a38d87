import { z } from "@hono/zod-openapi";
import type { listEvents as operation } from "../../operations/list-events.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { id, pageQuery } from "../schemas.ts";
import { event, eventQuery, repeatable } from "./schema.ts";

const page = z
  .object({
    data: z.array(event),
    nextCursor: z.string().openapi({
      description:
        "Always there, also at the end: hand it in as `cursor`, now or when you look again, with the same filter.",
    }),
    hasMore: z.boolean().openapi({ description: "Whether there is more to be had at once." }),
  })
  .openapi("EventPage");

const route = contract({
  operationId: "events.list",
  method: "get",
  path: "/v1/events",
  scope: "events:read",
  tag: "Events",
  summary: "Read the event log",
  description:
    "Everything that has happened to your app's accounts, oldest first, as long as events are kept (30 days by default). Go on by `cursor`: it " +
    "stays good at the end of the log too, so whoever looks now and then misses nothing and reads nothing twice. Or name the last event " +
    "that you have as `after`. Where events behind that point are no longer kept: 410 `changes-expired`.",
  request: {
    query: z.strictObject({
      ...pageQuery,
      cursor: pageQuery.cursor.openapi({
        description: "The `nextCursor` of an answer with the same filter. Leave it out to begin at the oldest event.",
      }),
      after: id("evt").optional().openapi({ description: "Go on behind this event, in the place of `cursor`." }),
      ...eventQuery,
    }),
  },
  repeatable,
  responses: {
    200: { description: "A page of events.", content: { "application/json": { schema: page } } },
  },
  errors: ["changes-expired"],
});

export function listEvents(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    // Whoever writes an event gives its data the shape of its type.
    const answer = (await run(c.var.caller, c.req.valid("query"))) as z.infer<typeof page>;
    return c.json(answer, 200);
  });
}
