/** Octets put one behind the other, in one piece of memory whatever the pieces they come in. */
export type OctetPile = {
  readonly length: number;
  /** Copies what fits; the rest is left out. */
  add(octets: Uint8Array): void;
  /** All there is, as a copy of its own; the pile is empty then, and holds `limit` octets from now on. */
  take(limit?: number): Uint8Array;
};

const smallest = 1024;

/** An empty pile that holds `limit` octets at most. */
export function makeOctetPile(limit: number): OctetPile {
  let memory = Buffer.alloc(0);
  let length = 0;

  function grow(wanted: number): void {
    if (wanted <= memory.length) return;
    const larger = Buffer.allocUnsafe(Math.min(limit, Math.max(smallest, 2 * memory.length, wanted)));
    memory.copy(larger, 0, 0, length);
    memory = larger;
  }

  return {
    get length() {
      return length;
    },
    add(octets) {
      const fitting = Math.min(octets.length, limit - length);
      if (fitting <= 0) return;
      grow(length + fitting);
      memory.set(fitting === octets.length ? octets : octets.subarray(0, fitting), length);
      length += fitting;
    },
    take(next = limit) {
      const taken = Buffer.from(memory.subarray(0, length));
      limit = next;
      length = 0;
      return taken;
    },
  };
}
