import type { Admitted, ServerAddress } from "../mail/server.ts";

/** A line to a server, read by asking: what nobody asks for stays in the network, which is all the back-pressure there is. */
export type Connection = {
  /** The next octets, or null once the server has ended. One call at a time; the octets are the caller's to change. */
  read(): Promise<Uint8Array | null>;
  write(octets: Uint8Array): Promise<void>;
  /** Octets that have come and that nobody has read. */
  readonly unread: number;
  /** Whether nothing more can come of it than what was read; known also while nobody reads. */
  readonly lost: boolean;
  /** The same line secured, from the very next octet on; this one must not be used any more. */
  startTls(): Promise<Connection>;
  /** Drops the line at once; a read that waits ends. Never throws. */
  destroy(): void;
};

/**
 * Opens a line to the checked address, secured already where `security` is `tls`, and able to be where it is `starttls`.
 * Rejects with the runtime's errors, and when the signal aborts, which also ends securing it. Chosen by the entry: on Workers
 * `dialSockets`.
 */
export type Dial = (target: { admitted: Admitted; server: ServerAddress }, signal: AbortSignal) => Promise<Connection>;
