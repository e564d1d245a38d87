/**
 * The name in EHLO: the literal of our own address (RFC 5321 §4.1.4), as mail programs on desks say it; that of no address in
 * particular where the runtime does not tell which is ours.
 */
export const helloName = (address = "127.0.0.1"): string =>
  address.includes(":") ? `[IPv6:${address}]` : `[${address}]`;
