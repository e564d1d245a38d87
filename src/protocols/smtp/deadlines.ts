/** How long each step may take, milliseconds (DESIGN §8). */
export type SmtpDeadlines = {
  /** TCP, and TLS where it comes first. */
  connect: number;
  /** From the connection to the answer to EHLO, STARTTLS included. */
  greeting: number;
  /** One command. */
  command: number;
  /** What each recipient adds to that for the envelope as a whole. */
  recipient: number;
  /** The server takes the next block of the message (RFC 5321 §4.5.3.2.5). */
  dataBlock: number;
  /** The answer to the final dot (RFC 5321 §4.5.3.2.6). */
  finalReply: number;
};

export const smtpDeadlines: SmtpDeadlines = {
  connect: 10_000,
  greeting: 10_000,
  command: 30_000,
  recipient: 1_000,
  dataBlock: 180_000,
  finalReply: 600_000,
};
