import type { Duplex } from "node:stream";
import type { Admitted, ServerAddress } from "../../mail/server.ts";

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
 * Rejects with the runtime's errors, and when the signal aborts. Chosen by the entry: `dialNode`, or `dialSockets` on Workers.
 */
export type Dial = (target: { admitted: Admitted; server: ServerAddress }, signal: AbortSignal) => Promise<Connection>;

/** A connection over a duplex stream that nobody else reads; `upgrade` secures that stream, and takes it over at once. */
export function overDuplex(duplex: Duplex, upgrade: () => Promise<Duplex>): Connection {
  let failed: Error | null = null;
  let ended = false;
  let wake = (): void => {};
  /** A little later, so that what comes in small TLS records is taken in larger pieces. */
  const onReadable = (): void => void setImmediate(() => wake());
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  const onError = (error: Error): void => {
    failed = error;
    wake();
  };
  duplex.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError);

  return {
    async read() {
      for (;;) {
        const octets = duplex.read() as Buffer | null;
        if (octets !== null) return octets;
        if (failed) throw failed;
        if (ended || duplex.destroyed) return null;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    write: (octets) =>
      new Promise((resolve, reject) => {
        duplex.write(octets, (error) => (error ? reject(error) : resolve()));
      }),
    get unread() {
      return duplex.readableLength;
    },
    get lost() {
      return ended || failed !== null;
    },
    async startTls() {
      duplex.off("readable", onReadable).off("end", onEnd).off("close", onEnd);
      const secured = await upgrade();
      return overDuplex(secured, () => Promise.reject(new Error("the line is secured already")));
    },
    destroy: () => void duplex.destroy(),
  };
}
