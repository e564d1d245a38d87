import { domainToASCII } from "node:url";
import { type IpAddress, parseAddress } from "./address.ts";

/** What a `host` names: an address, a domain name (ASCII, lower case), or nothing that may be connected to. */
export type Host =
  | { kind: "address"; address: IpAddress }
  | { kind: "name"; name: string }
  | { kind: "bad"; detail: string };

const bad = (detail: string): Host => ({ kind: "bad", detail });

/**
 * Reads a host as a caller wrote it. A name whose last label is a number (`127.1`, `0x7f.1`, `2130706433`) is refused, because
 * resolvers take it for an IPv4 address; so are ports, user names, paths, zones and trailing dots.
 */
export function readHost(text: string): Host {
  if (text === "") return bad("The host is empty.");
  const bare = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  const address = parseAddress(bare);
  if (address !== null) return { kind: "address", address };
  if (/^[^:]*:\d*$/.test(text)) return bad("The host holds a port; the port has its own member.");
  if (/[\p{Cc}\s@:/?#%\\[\]<>"]/u.test(text)) return bad("The host is neither a domain name nor an IP address.");

  const name = domainToASCII(text).toLowerCase();
  const labels = name.split(".");
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) {
    return bad("The host is a number; write an IPv4 address as four decimal numbers.");
  }
  if (text.endsWith(".")) return bad("The host ends with a dot.");
  if (name.length > 253 || !labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label))) {
    return bad("The host is neither a domain name nor an IP address.");
  }
  return { kind: "name", name };
}
