import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import type { buildConnector, Client } from "undici";
import type { WebhookRequest } from "../mail/webhook.ts";
import { lostLine } from "./failures.ts";

/** One connection to a receiver, for one request at a time: what becomes of it concerns no other request. */
export type Line = {
  readonly client: Client;
  /** Whether there is a connection, TLS and all. */
  readonly isOpen: boolean;
  /** Octets that came since the last answer ended. */
  readonly heard: number;
  /** The answer has ended, and the connection may carry another request. */
  settle(): void;
  /**
   * Whether a request failed because the receiver had closed the connection between two requests, which nobody could know when it
   * was sent.
   */
  wasStale(error: unknown): boolean;
  /** Ends it, and what is under way on it, with `error`; at once. */
  end(error: Error | null): void;
};

/** Saves some 25 kB for each connection that shares it. */
let secureContext: SecureContext | null = null;

/**
 * A line to the address that was admitted; the certificate is verified by the name in the URL. It connects when something is
 * requested, and its `client` tells when it "disconnect"s.
 */
export function openLine(
  makeClient: typeof Client,
  { url, admitted }: Pick<WebhookRequest, "url" | "admitted">,
  keepAliveMs: number,
): Line {
  let socket: Socket | null = null;
  let isOpen = false;
  /** The connection of the last answer, and what had come on it by then. */
  let settled: Socket | null = null;
  let read = 0;

  const connect: buildConnector.connector = (_, callback) => {
    const made = url.protocol === "https:" ? dialTls(admitted) : dialTcp(admitted);
    socket = made;
    isOpen = false;
    made.setNoDelay(true);
    made.once(url.protocol === "https:" ? "secureConnect" : "connect", () => {
      isOpen = true;
      callback(null, made);
    });
    made.on("error", (error) => {
      if (!isOpen) callback(error, null);
    });
  };

  const client = new makeClient(url.origin, {
    connect,
    allowH2: false,
    // Whoever lends the line has an eye on the time.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: 60_000,
    maxHeaderSize: 16_384,
  });
  const heard = (): number => (socket === null ? 0 : socket.bytesRead - (socket === settled ? read : 0));

  return {
    client,
    get isOpen() {
      return isOpen && socket?.destroyed === false;
    },
    get heard() {
      return heard();
    },
    settle() {
      settled = socket;
      read = socket?.bytesRead ?? 0;
    },
    wasStale(error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      return socket !== null && socket === settled && heard() === 0 && lostLine.test(code);
    },
    end(error) {
      void client.destroy(error);
      socket?.destroy();
    },
  };
}

type Admitted = WebhookRequest["admitted"];

const dialTcp = ({ address, port }: Admitted): Socket => connectTcp({ host: address, port });

function dialTls({ address, port, servername }: Admitted): Socket {
  secureContext ??= createSecureContext({ minVersion: "TLSv1.2" });
  return connectTls({
    host: address,
    port,
    secureContext,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    ...(servername === null ? {} : { servername }),
  });
}
