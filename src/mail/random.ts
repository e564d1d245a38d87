import { randomFillSync } from "node:crypto";

/** The system is asked for so many octets at once: a call takes as long for 16 as for all of these. */
const pool = Buffer.allocUnsafeSlow(4096);
let used = pool.length;

/** So many octets (4,096 at most) from the system's generator, never given out before; a copy of its own. */
export function randomOctets(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const octets = Buffer.from(pool.subarray(used, used + length));
  // What was given out is not to be found here.
  pool.fill(0, used, used + length);
  used += length;
  return octets;
}
