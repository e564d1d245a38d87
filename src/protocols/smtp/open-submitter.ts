import type { Guard, ServerLogin } from "../../mail/server.ts";
import type { Submitter } from "../../mail/submitter.ts";
import { createSubmitter } from "./create-submitter.ts";
import type { SmtpDeadlines } from "./deadlines.ts";
import { openLineNode } from "./open-line-node.ts";

/** A submitter by the sockets of Node. */
export function openSubmitter(needs: { guard: Guard; deadlines?: SmtpDeadlines }, server: ServerLogin): Submitter {
  return createSubmitter({ ...needs, openLine: openLineNode }, server);
}
