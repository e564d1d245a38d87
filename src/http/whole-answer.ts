/** Contents by the answers that have them. */
const contents = new WeakMap<Response, string | Uint8Array>();

/** Keeps beside the answer what it was made of, so that its length is known and nobody reads it as a stream to send it. */
export function keepWhole<R extends Response>(answer: R, content: string | Uint8Array): R {
  contents.set(answer, content);
  return answer;
}

/** What was kept of an answer; null: nothing, it may be a stream. */
export function wholeOf(answer: Response): string | Uint8Array | null {
  return contents.get(answer) ?? null;
}
