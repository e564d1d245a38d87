import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Connection } from "../../net/connection.ts";

/** Octets: after so many workerd is let look whether something has come, which it does not while it can write on. */
const muchWritten = 16 * 1024;

/**
 * A connection in the shape of Node's socket, as far as nodemailer and our wire use one: a duplex stream, that never times out by
 * itself. `first` is read from it before what comes.
 */
export function socketOver(connection: Connection, first = ""): Socket {
  let isFirst = first !== "";
  const readOut = Promise.withResolvers<void>();

  async function take(): Promise<void> {
    const octets = await connection.read();
    if (octets === null) readOut.resolve();
    duplex.push(octets === null ? null : Buffer.from(octets.buffer, octets.byteOffset, octets.length));
  }

  /** Why it could not be written; null when it was. */
  async function put(octets: Uint8Array): Promise<Error | null> {
    try {
      await connection.write(octets);
      if (octets.length >= muchWritten) await new Promise((resolve) => setImmediate(resolve));
      return null;
    } catch (error) {
      // What the server said before it left says more than that.
      await readOut.promise;
      return error as Error;
    }
  }

  const duplex = new Duplex({
    read() {
      if (isFirst) {
        isFirst = false;
        duplex.push(first);
      } else take().catch((error: Error) => duplex.destroy(error));
    },
    write(octets: Uint8Array, _, written) {
      void put(octets).then(written);
    },
    // Whoever has said all he wanted to say has heard all he wanted to hear.
    final(ended) {
      ended();
      duplex.destroy();
    },
    destroy(error, destroyed) {
      readOut.resolve();
      connection.destroy();
      destroyed(error);
    },
  });
  // Between here and whoever takes it over, an error must find somebody.
  duplex.on("error", () => {});
  return Object.assign(duplex, { setTimeout: () => duplex }) as Duplex as Socket;
}
