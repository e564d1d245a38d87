import { expect, test } from "vitest";
import { decodeTransfer } from "../../src/mime/decode-transfer.ts";

/** A source that is asked for octets it does not have yet, and knows when it was left. */
function silentSource() {
  const state = { left: false, leave: (): void => {} };
  const stream: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () =>
      new Promise((resolve) => {
        state.leave = () => resolve({ done: true, value: undefined });
      }),
    async return() {
      state.left = true;
      state.leave();
      return { done: true, value: undefined };
    },
  };
  return { state, stream };
}

test.each(["base64", "quoted-printable", "7bit"])(
  "a %s stream that is left tells its source at once",
  async (encoding) => {
    const unread = silentSource();
    await decodeTransfer(encoding, unread.stream)[Symbol.asyncIterator]().return?.();
    expect(unread.state.left).toBe(true);

    const waiting = silentSource();
    const decoded = decodeTransfer(encoding, waiting.stream)[Symbol.asyncIterator]();
    const next = decoded.next();
    await decoded.return?.();
    expect(waiting.state.left).toBe(true);
    expect((await next).done).toBe(true);
  },
);
