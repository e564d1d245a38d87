import type { Socket } from "node:net";

/** Writes with back-pressure: done when the socket takes more, or will never. */
export function write(to: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (to.destroyed || to.write(bytes)) return resolve();
    const done = (): void => {
      to.off("drain", done).off("close", done);
      resolve();
    };
    to.on("drain", done).on("close", done);
  });
}
