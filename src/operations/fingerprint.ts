import { createHash, type Hash } from "node:crypto";

/** Feeds a value to the hash in a form that is the same for equal JSON, whatever the order of members; absent is absent. */
function feed(hash: Hash, value: unknown): void {
  if (Array.isArray(value)) {
    hash.update(`[${value.length}:`);
    for (const item of value) feed(hash, item);
  } else if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`{${members.length}:`);
    for (const [name, member] of members) {
      feed(hash, name);
      feed(hash, member);
    }
  } else if (typeof value === "string") {
    hash.update(`"${value.length}:`).update(value, "utf8");
  } else {
    hash.update(`${JSON.stringify(value)};`);
  }
}

/** SHA-256 of a request, hex: equal for the same JSON, different for any other. */
export function fingerprint(value: unknown): string {
  const hash = createHash("sha256");
  feed(hash, value);
  return hash.digest("hex");
}
