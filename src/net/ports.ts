import type { Target } from "../mail/server.ts";

/** Inclusive; a single port has `from` = `to`. */
export type PortRange = { from: number; to: number };

type Protocol = Target["protocol"];

const usual: Record<Protocol, number[]> = {
  imap: [993, 143],
  pop3: [995, 110],
  smtp: [465, 587, 2525],
  https: [443, 8443],
  http: [80],
};

/** Whether the protocol may be spoken to this port: its usual ones, and whatever the operator added for all. */
export function isAllowedPort(protocol: Protocol, port: number, added: PortRange[] | "all"): boolean {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return false;
  return usual[protocol].includes(port) || added === "all" || added.some(({ from, to }) => port >= from && port <= to);
}

export const usualPorts = (protocol: Protocol): string => usual[protocol].join(", ");
