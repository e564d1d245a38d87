import type { Socket } from "node:net";
import type { WebhookAnswer, WebhookRequest } from "../../src/mail/webhook.ts";

/** A request to a receiver on this machine. */
export function requestTo(port: number, change: Partial<WebhookRequest> & { path?: string } = {}): WebhookRequest {
  const { path = "/hook", ...more } = change;
  return {
    url: new URL(`http://127.0.0.1:${port}${path}`),
    admitted: { address: "127.0.0.1", port, servername: null },
    headers: { "content-type": "application/json", "webhook-id": "evt_1" },
    body: '{"a":"ü"}',
    timeoutMs: 5_000,
    ...more,
  };
}

export const say = (words: string) => (socket: Socket) => void socket.write(words);
export const text = ({ body }: WebhookAnswer) => Buffer.from(body).toString();
export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > 2_000) throw new Error("does not come to be");
    await pause(10);
  }
}

export async function timed<T>(
  work: Promise<T>,
): Promise<{ outcome: T | { code?: unknown; message?: unknown }; ms: number }> {
  const started = performance.now();
  const outcome = await work.catch((error: Error) => error);
  return { outcome, ms: performance.now() - started };
}
