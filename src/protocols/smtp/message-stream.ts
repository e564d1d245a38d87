import { Readable } from "node:stream";

export type MessageStream = {
  stream: Readable;
  /** True once the first octet was asked for: the server has answered DATA with 354. */
  started(): boolean;
  /** True once the end was handed on, after which the final dot goes out. */
  dotSent(): boolean;
  /** What `bytes` or `beforeDot` failed with. */
  failed(): { error: unknown } | null;
  /** Resolves when `beforeDot` is not under way (any more), however it ended. */
  settled(): Promise<void>;
};

const blockLength = 64 * 1024;

/**
 * The message as a stream whose end waits for `beforeDot`. When `bytes` or `beforeDot` fails, the stream breaks instead of
 * ending, so that no dot is sent.
 * @param onProgress called whenever the next block is asked for, and when the end is handed on
 */
export function messageStream(
  bytes: AsyncIterable<Uint8Array>,
  beforeDot: () => Promise<void>,
  onProgress: () => void,
): MessageStream {
  let started = false;
  let dotSent = false;
  let failed: { error: unknown } | null = null;
  let commit: Promise<void> = Promise.resolve();

  async function* blocks(): AsyncGenerator<Uint8Array> {
    started = true;
    try {
      for await (const chunk of bytes) {
        for (let at = 0; at < chunk.length; at += blockLength) {
          onProgress();
          yield chunk.subarray(at, at + blockLength);
        }
      }
      if (stream.destroyed) return;
      commit = beforeDot();
      await commit;
    } catch (error) {
      failed = { error };
      throw error;
    }
  }

  const stream = Readable.from(blocks(), { objectMode: false, highWaterMark: blockLength });
  stream.once("end", () => {
    dotSent = true;
    onProgress();
  });
  return {
    stream,
    started: () => started,
    dotSent: () => dotSent,
    failed: () => failed,
    settled: () => commit.catch(() => {}),
  };
}
