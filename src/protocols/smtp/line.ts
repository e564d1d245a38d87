import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Admitted, ServerAddress } from "../../mail/server.ts";
import type { SmtpDeadlines } from "./deadlines.ts";

/** A line to a server, on which the greeting comes next. */
export type Line = {
  socket: Socket;
  isSecured: boolean;
  /** By what STARTTLS is to be done, where that is yet to come. */
  tls: ConnectionOptions;
  /** How long everything up to the answer to EHLO may still take, milliseconds. */
  greetingMs: number;
};

/**
 * Opens a line to the checked address, secured already where `security` is `tls`. Chosen by the entry. Rejects with a Failure,
 * or with the runtime's errors.
 */
export type OpenLine = (admitted: Admitted, server: ServerAddress, deadlines: SmtpDeadlines) => Promise<Line>;
