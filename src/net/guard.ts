import { Failure } from "../errors.ts";
import type { Admitted, Guard, ServerAddress, Target, WebProtocol } from "../mail/server.ts";
import { type IpAddress, isPublic, isWithin, type Network, parseAddress, parseNetwork } from "./address.ts";
import { giveUpAfter } from "./deadline.ts";
import { type Host, readHost } from "./host.ts";
import { isAllowedPort, type PortRange, usualPorts } from "./ports.ts";

/** All addresses of a domain name. Rejects with `code` ENOTFOUND or ENODATA when there are none, another when it can't tell. */
export type Resolve = (name: string) => Promise<string[]>;

export type GuardOptions = {
  resolve: Resolve;
  /** CIDR blocks that may be connected to although they are not public (POSTERN_ALLOW_NETWORKS). */
  allowNetworks: string[];
  /** Beyond the usual ones of each protocol (POSTERN_ALLOW_PORTS). */
  allowPorts: PortRange[] | "all";
  /** Whether `security: "none"` is taken at all, and then only to `allowNetworks` (POSTERN_ALLOW_INSECURE). */
  allowInsecure: boolean;
  /**
   * False where the runtime connects by name and verifies by its own rules (Workers): the addresses are checked, but not held
   * to, and an authority or a TLS name of the account's own is refused.
   */
  pin: boolean;
  /** How long resolving may take, milliseconds. */
  timeoutMs: number;
};

type Protocol = Target["protocol"];

const isWeb = (protocol: Protocol): protocol is WebProtocol => protocol === "https" || protocol === "http";

/**
 * The pointer is relative to the server's object, for the operation to put `/incoming` or `/outgoing` before; a webhook has no
 * such object but its URL.
 */
function refusal(protocol: Protocol, member: string, detail: string, fix: string): Failure {
  const pointer = isWeb(protocol) ? "/url" : member;
  return new Failure("address-not-allowed", detail, {
    fix,
    errors: [{ pointer, code: "address-not-allowed", detail }],
  });
}

const insecure = (protocol: Protocol): Failure =>
  isWeb(protocol)
    ? refusal(
        protocol,
        "/security",
        "http goes only into networks that the operator allows.",
        "Use https, or let the operator add the host's network to POSTERN_ALLOW_NETWORKS.",
      )
    : refusal(
        protocol,
        "/security",
        "A connection without TLS is not allowed here.",
        'Use security "tls" or "starttls".',
      );

function refuseOwnTls({ ca, servername }: ServerAddress["tls"]): void {
  if (ca === null && servername === null) return;
  const detail = "Where this Postern runs, certificates are verified by the host's name and public authorities only.";
  throw new Failure("unsupported-by-runtime", detail, {
    fix: "Leave `tls` out, or run Postern on Node.",
    errors: [{ pointer: ca === null ? "/tls/servername" : "/tls/ca", code: "unsupported-by-runtime", detail }],
  });
}

function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (parsed === null) throw new TypeError(`not a CIDR block: ${text}`);
  return parsed;
}

async function resolveName(name: string, protocol: Protocol, options: GuardOptions): Promise<IpAddress[]> {
  const where = isWeb(protocol) ? {} : { upstream: { protocol, phase: "resolve", host: name } };
  const absent = () =>
    new Failure("dns-not-found", `The name ${name} has no address.`, {
      fix: "Check the spelling of the host.",
      ...where,
    });
  const late = () => new Failure("upstream-timeout", `The name ${name} was not resolved in time.`, where);
  let found: string[];
  try {
    found = await giveUpAfter(options.resolve(name), options.timeoutMs, late);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOTFOUND" || code === "ENODATA") throw absent();
    throw new Failure("upstream-unreachable", `The name ${name} can't be resolved at the moment.`, {
      ...where,
      cause: error,
    });
  }
  if (found.length === 0) throw absent();
  return found.map((text) => {
    const address = parseAddress(text);
    if (address === null)
      throw refusal(protocol, "/host", "The host resolves to an unusable address.", "Use another host.");
    return address;
  });
}

/** The one gate that every outgoing connection passes: the port fits the protocol, and every address is public or allowed. */
export function createGuard(options: GuardOptions): Guard {
  const networks: Network[] = options.allowNetworks.map(network);

  function checkPort({ protocol, server }: Target): void {
    if (isAllowedPort(protocol, server.port, options.allowPorts)) return;
    throw refusal(
      protocol,
      "/port",
      `Port ${server.port} is not one for ${protocol}.`,
      `Use one of ${usualPorts(protocol)}, or let the operator add it to POSTERN_ALLOW_PORTS.`,
    );
  }

  /** POSTERN_ALLOW_INSECURE is about mail: passwords in clear. What a webhook tells in clear stays in the operator's networks. */
  const allowsInsecure = (protocol: Protocol): boolean =>
    isWeb(protocol) ? networks.length > 0 : options.allowInsecure;

  function readTarget(target: Target): { host: Exclude<Host, { kind: "bad" }>; servername: string | null } {
    const { protocol, server } = target;
    checkPort(target);
    const host = readHost(server.host);
    if (host.kind === "bad") throw refusal(protocol, "/host", host.detail, "Give a domain name or an IP address.");
    if (host.kind === "address") checkAddress(host.address, target);
    if (server.security === "none" && !allowsInsecure(protocol)) throw insecure(protocol);
    if (!options.pin) refuseOwnTls(server.tls);
    return { host, servername: readServername(target, host.kind === "name" ? host.name : null) };
  }

  function checkAddress(address: IpAddress, { protocol, server }: Target): void {
    const allowed = isWithin(address, networks);
    if (!allowed && !isPublic(address)) {
      throw refusal(
        protocol,
        "/host",
        "The host is in a network that may not be connected to.",
        "Use a public host, or let the operator add its network to POSTERN_ALLOW_NETWORKS.",
      );
    }
    if (server.security === "none" && !(allowsInsecure(protocol) && allowed)) throw insecure(protocol);
  }

  function readServername({ protocol, server }: Target, host: string | null): string | null {
    if (server.tls.servername === null) return host;
    const read = readHost(server.tls.servername);
    if (read.kind === "name") return read.name;
    const detail = "The TLS server name is not a domain name.";
    throw refusal(protocol, "/tls/servername", detail, "Give the certificate's name.");
  }

  return {
    check(target) {
      readTarget(target);
    },
    async admit(target): Promise<Admitted> {
      const { protocol, server } = target;
      const { host, servername } = readTarget(target);
      const name = host.kind === "name" ? host.name : null;
      const addresses = host.kind === "address" ? [host.address] : await resolveName(host.name, protocol, options);
      for (const address of addresses) checkAddress(address, target);
      const first = addresses[0]?.toString() ?? "";
      return { address: options.pin ? first : (name ?? first), port: server.port, servername };
    },
  };
}
