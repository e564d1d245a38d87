/** RFC 5321 §2.3.1: who gets it, not what the headers say. */
export type MailEnvelope = { from: string; to: string[] };

/** What the server announced in EHLO (RFC 5321 §4.1.1.1). */
export type SubmitterLimits = {
  /** SIZE (RFC 1870) in octets; null where not announced or 0. */
  size: number | null;
  smtpUtf8: boolean;
  eightBitMime: boolean;
};

export type RecipientState = "accepted" | "deferred" | "rejected" | "uncertain";

/** What became of one recipient in this attempt. */
export type RecipientOutcome = {
  email: string;
  state: RecipientState;
  /** SMTP reply code; null when there was no reply. */
  code: number | null;
  /** RFC 3463 code, such as "4.2.2". */
  enhancedCode: string | null;
  /** The server's words, one line, at most 500 characters. */
  text: string | null;
};

/** What became of the attempt as a whole: one outcome per recipient, in the envelope's order. */
export type SubmitOutcome = { recipients: RecipientOutcome[] };

/**
 * The submission port: sends one message over an authenticated session. Implemented by `protocols/smtp`.
 * Fails with a `Failure` only when nothing was handed over (connect, TLS, login; before the dot): all recipients are then
 * still pending. After the final dot was sent, a lost or silent line is an outcome (`uncertain`), never a Failure.
 */
export interface Submitter {
  /** From the EHLO of the session; connects where needed. */
  limits(): Promise<SubmitterLimits>;
  /**
   * @param bytes the message, CRLF line ends, not dot-stuffed
   * @param options.size octets, for MAIL FROM SIZE=
   * @param options.beforeDot awaited after the last octet and before the final dot; when it rejects, no dot is sent
   */
  submit(
    bytes: AsyncIterable<Uint8Array>,
    envelope: MailEnvelope,
    options: { size: number; beforeDot: () => Promise<void> },
  ): Promise<SubmitOutcome>;
  close(): Promise<void>;
}
