/** RFC 3464 §2.3.3. */
export type DsnAction = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

/** What became of one recipient. */
export type DsnRecipient = {
  /** The address as the sender wrote to it, where the report tells; else the one it was forwarded to. */
  email: string;
  action: DsnAction;
  /** RFC 3463 code, such as "5.1.1". */
  status: string | null;
  /** SMTP reply code. */
  code: number | null;
  /** The refusing server's words, one line, at most 500 characters. */
  diagnostic: string | null;
  /** The server that refused, by name or address; null where we have given up before one answered, or nobody tells. */
  remoteMta: string | null;
  /** Of a delayed one, how long it is tried; milliseconds since the epoch. */
  willRetryUntil: number | null;
};

/** What a bounce says: who failed, and of which message. */
export type Dsn = {
  /** The worst of its recipients' actions: failed, delayed, delivered, relayed, expanded. */
  kind: DsnAction;
  /** The Message-ID that the original was submitted with, with angle brackets. */
  originalMessageId: string | null;
  /** Each address once; empty where a report names nobody. */
  recipients: DsnRecipient[];
};

/** Recipients that are read of one report. */
export const maxDsnRecipients = 1000;
