import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export const loopback = "127.0.0.1";

// Below the range that Linux takes the ports of outgoing connections from, so that none of those gets there first.
const lowest = 20_000;
const highest = 32_000;
// Test files that run side by side draw from different quarters, so that a server which is away for a moment finds its port free.
const quarter = Number(process.env["VITEST_POOL_ID"] ?? 0) % 4;
const size = (highest - lowest) / 4;
const handedOut = new Set<number>();

/** A TCP port on the loopback address that nothing listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + quarter * size + Math.floor(Math.random() * size);
    if (!handedOut.has(port) && (await canListen(port))) {
      handedOut.add(port);
      return port;
    }
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, loopback);
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** Waits until each port accepts connections; gives up when the deadline has passed or `failed` gives a reason. */
export async function untilListening(
  ports: number[],
  failed: () => string | undefined,
  withinMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (const port of ports) {
    while (!(await accepts(port))) {
      const reason = failed() ?? (Date.now() > deadline ? `nothing listens on port ${port}` : undefined);
      if (reason) throw new Error(reason);
      await sleep(10);
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, loopback);
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
