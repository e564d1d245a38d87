import { Failure } from "../../src/errors.ts";
import type { ByteRange, Mailbox } from "../../src/mail/mailbox.ts";
import type { Place } from "../../src/mail/message.ts";
import { whole } from "../../src/mail/range.ts";

/** The Failure that a promise rejects with; fails the test when it does not, or with anything else. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** All octets of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The octets of an attachment, as they are encoded. */
export async function attachmentOf<P extends Place>(
  mailbox: Mailbox<P>,
  place: P,
  section: string,
  range: ByteRange = whole,
): Promise<AsyncIterable<Uint8Array>> {
  const { stream } = await mailbox.openAttachment(place, section, () => range);
  if (stream === null) throw new Error("there is no stream");
  return stream;
}
