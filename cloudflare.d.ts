/** What of Workers' own modules src/worker.ts imports. */
declare module "cloudflare:sockets" {
  export const connect: import("imapflow").SocketsConnect;
}

declare module "cloudflare:workers" {
  /** The base of a class whose methods may be called from elsewhere. */
  export class DurableObject {
    constructor(state: unknown, bindings: unknown);
    fetch?(request: Request): Promise<Response>;
    alarm?(): Promise<void>;
  }
  /** Lets work outlive the request that is being answered. */
  export function waitUntil(work: Promise<unknown>): void;
}
