import type { Duplex } from "node:stream";
import type { Connection } from "../../net/connection.ts";

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
