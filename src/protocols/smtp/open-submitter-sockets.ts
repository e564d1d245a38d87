import type { Guard, ServerLogin } from "../../mail/server.ts";
import type { Submitter } from "../../mail/submitter.ts";
import { dialSockets, type SocketsConnect } from "../../net/dial-sockets.ts";
import { createSubmitter } from "./create-submitter.ts";
import type { SmtpDeadlines } from "./deadlines.ts";
import { openLineSockets } from "./open-line-sockets.ts";

type OpenSubmitter = (needs: { guard: Guard; deadlines?: SmtpDeadlines }, server: ServerLogin) => Submitter;

/** Submitters where there is no usable node:net, over the `connect` of cloudflare:sockets. */
export function openSubmitterBySockets(connect: SocketsConnect): OpenSubmitter {
  const openLine = openLineSockets(dialSockets(connect));
  return (needs, server) => createSubmitter({ ...needs, openLine }, server);
}
