import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

import { type Direction, type Faults, pump } from "./proxy-pump.ts";
import { loopback } from "./ports.ts";

export interface ProxyOptions {
  port: number;
  host?: string;
  /** The faults of each connection, by its number from 0; default: none. */
  faults?: (connection: number) => Faults;
}

/** One client's connection through the proxy. */
export interface ProxyConnection {
  /** Bytes that arrived from either side, passed on or not. */
  readonly bytes: Record<Direction, number>;
  readonly open: boolean;
  /** From now on nothing passes in either direction, and nobody is told. */
  goSilent(): void;
  /** Ends both sides in order. */
  end(): void;
  /** Resets both sides. */
  reset(): void;
}

export interface Proxy {
  host: string;
  port: number;
  /** All so far, in order. */
  connections: readonly ProxyConnection[];
  /** Bytes of all connections. */
  bytes(direction: Direction): number;
  /** Changes the faults of the connections to come. */
  setFaults(faults: (connection: number) => Faults): void;
  stop(): Promise<void>;
}

/** Puts a TCP proxy before a server on the loopback address; its connections fail as they are told. */
export async function startProxy({ port, host = loopback, faults = () => ({}) }: ProxyOptions): Promise<Proxy> {
  const connections: ProxyConnection[] = [];
  let faultsOf = faults;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const planned = faultsOf(connections.length);
    connections.push(join(client, () => connect({ port, host, allowHalfOpen: true, noDelay: true }), planned));
  });
  server.listen(0, loopback);
  await once(server, "listening");
  return {
    host: loopback,
    port: (server.address() as AddressInfo).port,
    connections,
    bytes: (direction) => connections.reduce((sum, { bytes }) => sum + bytes[direction], 0),
    setFaults: (next) => (faultsOf = next),
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const connection of connections) connection.reset();
      await closed;
    },
  };
}

function join(client: Socket, dial: () => Socket, faults: Faults): ProxyConnection {
  const bytes = { toServer: 0, toClient: 0 };
  const silence = new AbortController();
  let upstream: Socket | undefined;
  const sides = (): Socket[] => [client, ...(upstream ? [upstream] : [])];
  const connection: ProxyConnection = {
    bytes,
    get open() {
      return sides().some((side) => !side.destroyed);
    },
    goSilent: () => silence.abort(),
    end: () => sides().forEach((side) => side.destroySoon()),
    reset: () => sides().forEach((side) => side.resetAndDestroy()),
  };
  client.on("error", () => {}); // "close" follows, and carries it to the other side
  if (faults.refuse) {
    connection.reset();
    return connection;
  }
  upstream = dial();
  upstream.on("error", () => {});
  const cut = (how: "end" | "reset"): void => connection[how]();
  const shared = { bytes, faults, silence: silence.signal, goSilent: () => connection.goSilent(), cut };
  pump(client, upstream, "toServer", shared);
  pump(upstream, client, "toClient", shared);
  return connection;
}
