import { lookup } from "node:dns/promises";

/** The machine's resolver (hosts file, search order of RFC 6724), for Node. Rejects with the codes of `node:dns`. */
export async function resolveNode(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
}
