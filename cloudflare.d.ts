/** What of Workers' own modules src/worker.ts imports. */
declare module "cloudflare:sockets" {
  export const connect: import("imapflow").SocketsConnect;
}
