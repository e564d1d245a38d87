import ipaddr from "ipaddr.js";

export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6;
/** Address and prefix length. */
export type Network = [IpAddress, number];

const globalUnicast = ipaddr.IPv6.parse("2000::");
const nat64 = ipaddr.IPv6.parse("64:ff9b::");

/** The canonical form of an address, an IPv4-mapped one (RFC 4291 §2.5.5.2) as the IPv4 address that it reaches. */
function plain(address: IpAddress): IpAddress {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** The address that a NAT64 gateway would connect to (RFC 6052 §2.1, the well-known prefix), else the address itself. */
function reached(address: IpAddress): IpAddress {
  return address instanceof ipaddr.IPv6 && address.match(nat64, 96)
    ? new ipaddr.IPv4(address.toByteArray().slice(12))
    : address;
}

/**
 * An IP literal, or null. Only dotted decimals without leading zeros and RFC 4291 text without a zone count: other spellings
 * mean different addresses to different parsers.
 */
export function parseAddress(text: string): IpAddress | null {
  if (/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) {
    return ipaddr.IPv4.isValid(text) ? ipaddr.IPv4.parse(text) : null;
  }
  return /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) && ipaddr.IPv6.isValid(text) ? plain(ipaddr.IPv6.parse(text)) : null;
}

/** A CIDR block (RFC 4632) or a single address, or null when it is neither. */
export function parseNetwork(text: string): Network | null {
  const [address = "", bits, ...more] = text.split("/");
  const parsed = parseAddress(address);
  if (parsed === null || more.length > 0) return null;
  const width = parsed instanceof ipaddr.IPv4 ? 32 : 128;
  if (bits === undefined) return [parsed, width];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? [parsed, Number(bits)] : null;
}

/** Whether anybody on the Internet may have this address: nothing private, local, reserved, translated or tunnelled. */
export function isPublic(address: IpAddress): boolean {
  const target = reached(address);
  if (target instanceof ipaddr.IPv6 && !target.match(globalUnicast, 3)) return false;
  return target.range() === "unicast";
}

export function isWithin(address: IpAddress, networks: Network[]): boolean {
  return [address, reached(address)].some((candidate) =>
    networks.some(([network, bits]) => candidate.kind() === network.kind() && candidate.match(network, bits)),
  );
}
