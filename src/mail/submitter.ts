/** RFC 5321 §2.3.1: who gets it, not what the headers say. */
export type MailEnvelope = { from: string; to: string[] };

/** What the server announced in EHLO (RFC 5321 §4.1.1.1). */
export type SubmitterLimits = {
  /** SIZE (RFC 1870) in octets; null where not announced or 0. */
  size: number | null;
  smtpUtf8: boolean;
  eightBitMime: boolean;
  /** RCPTMAX (RFC 9422); null where not announced. */
  recipients: number | null;
};

/** What a message asks of the server: 8BITMIME (RFC 6152) for its body, SMTPUTF8 (RFC 6531) for its header. Addresses say it themselves. */
export type MessageNeeds = { eightBit: boolean; utf8: boolean };

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

/**
 * What became of one transaction: one outcome for each recipient that was in it, in the envelope's order. `left` were not: the server takes only so
 * many at once (RCPTMAX, or 452 4.5.3 after the first ones), and another transaction can follow at once.
 */
export type SubmitOutcome = { recipients: RecipientOutcome[]; left: string[] };

export type SubmitOptions = MessageNeeds & {
  /** Octets, for MAIL FROM SIZE=. */
  size: number;
  /**
   * Awaited after the last octet and before the final dot; when it rejects, no dot is sent.
   * @param to who gets the message by this dot
   */
  beforeDot: (to: string[]) => Promise<void>;
};

/**
 * The submission port: sends one message over an authenticated session. Implemented by `protocols/smtp`.
 * Fails with a `Failure` only when nothing was handed over (connect, TLS, login; before the dot): all recipients are then
 * still pending. After the final dot was sent, a lost or silent line is an outcome (`uncertain`), never a Failure.
 */
export interface Submitter {
  /** From the EHLO of the session; connects where needed. */
  limits(): Promise<SubmitterLimits>;
  /**
   * @param bytes the message, CRLF line ends, not dot-stuffed; whole, where it is in memory
   */
  submit(
    bytes: AsyncIterable<Uint8Array> | Uint8Array,
    envelope: MailEnvelope,
    options: SubmitOptions,
  ): Promise<SubmitOutcome>;
  close(): Promise<void>;
}
