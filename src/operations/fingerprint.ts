import { createHash, hash, type Hash } from "node:crypto";

/** Characters that are hashed in one piece: each call of the hash costs as much as some hundred of them. */
const piece = 64 * 1024;

/** SHA-256 of a request, hex: equal for the same JSON, whatever the order of members, and different for any other; absent is absent. */
export function fingerprint(value: unknown): string {
  const long: { hash?: Hash } = {};
  let text = "";
  const add = (more: string): void => {
    text += more;
    if (text.length < piece) return;
    long.hash = (long.hash ?? createHash("sha256")).update(text, "utf8");
    text = "";
  };

  function feed(one: unknown): void {
    if (Array.isArray(one)) {
      add(`[${one.length}:`);
      for (const item of one) feed(item);
    } else if (typeof one === "object" && one !== null) {
      const members = Object.entries(one)
        .filter(([, member]) => member !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1));
      add(`{${members.length}:`);
      for (const [name, member] of members) {
        feed(name);
        feed(member);
      }
    } else if (typeof one === "string") {
      add(`"${one.length}:`);
      add(one);
    } else {
      add(`${JSON.stringify(one)};`);
    }
  }

  feed(value);
  return long.hash?.update(text, "utf8").digest("hex") ?? hash("sha256", text, "hex");
}
