import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { write } from "./write.ts";

export type Direction = "toServer" | "toClient";

/** What goes wrong on one connection; faults combine. */
export interface Faults {
  /** Reset as soon as it is accepted; the server never hears of it. */
  refuse?: boolean;
  /** Every byte arrives that much later; the bandwidth stays. */
  delayMs?: number;
  /** The bandwidth of each direction. */
  bytesPerSecond?: number;
  /** Broken off once that many bytes have passed in that direction: in order, or by a reset. */
  cutAfter?: { direction: Direction; bytes: number; how: "end" | "reset" };
  /** Nothing passes any more, in either direction and untold, once that many bytes have passed in that one. */
  silentAfter?: { direction: Direction; bytes: number };
}

export interface Shared {
  bytes: Record<Direction, number>;
  faults: Faults;
  silence: AbortSignal;
  goSilent(): void;
  cut(how: "end" | "reset"): void;
}

/** What may wait in the proxy, of one direction, before its sender is held back. */
const held = 1024 * 1024;

/** Passes what one socket receives on to the other, with the connection's faults. */
export function pump(from: Socket, to: Socket, direction: Direction, shared: Shared): void {
  const { bytes, faults, silence } = shared;
  let waiting = 0;
  let passed = 0;
  let last = Promise.resolve();
  const inTurn = (work: () => Promise<void> | void): void => {
    last = after(last, Date.now() + (faults.delayMs ?? 0), work);
  };

  from.on("data", (chunk) => {
    bytes[direction] += chunk.length;
    waiting += chunk.length;
    if (waiting > held) from.pause();
    inTurn(async () => {
      if (!silence.aborted && !to.destroyed) await pass(chunk);
      waiting -= chunk.length;
      if (waiting <= held) from.resume();
    });
  });
  from.on("end", () => inTurn(() => void (silence.aborted || to.end())));
  from.on("close", () =>
    inTurn(() => {
      if (silence.aborted) return;
      if (from.errored) to.resetAndDestroy();
      else to.destroySoon();
    }),
  );

  async function after(before: Promise<void>, due: number, work: () => Promise<void> | void): Promise<void> {
    await before;
    if (faults.delayMs) await sleep(Math.max(0, due - Date.now()));
    await work();
  }

  async function pass(chunk: Buffer): Promise<void> {
    const cut = faults.cutAfter?.direction === direction ? faults.cutAfter : undefined;
    const silent = faults.silentAfter?.direction === direction ? faults.silentAfter : undefined;
    const allowed = Math.min(cut?.bytes ?? Infinity, silent?.bytes ?? Infinity) - passed;
    await passSlowly(chunk.subarray(0, Math.max(0, allowed)));
    if (chunk.length < allowed) return;
    if (cut && passed >= cut.bytes) shared.cut(cut.how);
    else shared.goSilent();
  }

  async function passSlowly(chunk: Buffer): Promise<void> {
    const rate = faults.bytesPerSecond ?? Infinity;
    const step = Number.isFinite(rate) ? Math.max(1, Math.ceil(rate / 20)) : chunk.length;
    for (let start = 0; start < chunk.length && !to.destroyed && !silence.aborted; start += step) {
      const slice = chunk.subarray(start, start + step);
      passed += slice.length;
      await write(to, slice);
      if (Number.isFinite(rate)) await sleep((slice.length / rate) * 1000);
    }
  }
}
