import { z } from "@hono/zod-openapi";
import type { streamEvents as operation } from "../../operations/stream-events.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { streamed } from "../stream.ts";
import { eventQuery, repeatable } from "./schema.ts";
import { serverSent } from "./server-sent.ts";

const resumePoint = z.string().max(2000).optional();

const text = z.string().openapi({
  description:
    "Blocks of `id`, `event` and `data`; `data` is an `Event` as JSON on one line. A block with an `id` alone is a resume point " +
    "without an event.",
  example:
    'retry: 2000\n\nid: evt_0c8jv4h2m9q6s1t7r3n5k8p0ba\nevent: message.deleted\ndata: {"id":"evt_0c8jv4h2m9q6s1t7r3n5k8p0ba",…}\n\n: still here\n\n',
});

const route = contract({
  operationId: "events.stream",
  method: "get",
  path: "/v1/events/stream",
  scope: "events:read",
  tag: "Events",
  summary: "Be told of events as they happen",
  description:
    "Server-sent events: one block for each event, in the order of the log, each told once. Begins behind `Last-Event-ID`, or now where none " +
    "is given. A comment comes every 15 seconds. Who takes nothing for 30 seconds is cut, and resumes by the last `id` that he " +
    "has, as after any break; where that is no longer kept: 410 `changes-expired`. A stream ends with its key. An app has " +
    "at most 100 at once.",
  request: {
    headers: z.object({
      "Last-Event-ID": resumePoint.openapi({
        description: "The last `id` that the stream has told. It goes before `lastEventId`.",
      }),
    }),
    query: z.strictObject({
      lastEventId: resumePoint.openapi({
        description:
          "The same, for who can't set a header; an event's id, or a `nextCursor` of the list with the same filter.",
      }),
      ...eventQuery,
    }),
  },
  repeatable,
  responses: {
    200: {
      description: "The stream, until one side ends it.",
      content: { "text/event-stream": { schema: text } },
    },
  },
  errors: ["changes-expired", "invalid-cursor", "rate-limited"],
});

export function streamEvents(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { lastEventId, ...filter } = c.req.valid("query");
    // A reconnecting EventSource repeats its first URL: the header knows better. An empty one says nothing.
    const from = c.req.valid("header")["Last-Event-ID"] || lastEventId || undefined;
    const stream = await run(c.var.caller, { ...filter, from });
    const { clock } = c.var.front;
    const { blocks, cut } = serverSent(stream, { clock, isNew: from === undefined });
    // Proxies would gather it until there is enough to be worth passing on.
    const headers = { "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no" };
    return streamed(c, { contentType: "text/event-stream", headers, size: null, stream: blocks, cut });
  });
}
