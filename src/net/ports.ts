import type { MailProtocol } from "../mail/server.ts";

/** First and last port, inclusive. */
export type PortRange = [number, number];

const usual: Record<MailProtocol, number[]> = {
  imap: [993, 143],
  pop3: [995, 110],
  smtp: [465, 587, 2525],
};

const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65535;

/** One entry of POSTERN_ALLOW_PORTS: `*`, a port, or `first-last`; null when it is none of them. */
export function parsePortRange(text: string): PortRange | null {
  if (text === "*") return [1, 65535];
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return isPort(first) && isPort(last) && first <= last ? [first, last] : null;
}

/** Whether the protocol may be spoken to this port: its usual ones, and whatever the operator added for all. */
export function isAllowedPort(protocol: MailProtocol, port: number, added: PortRange[]): boolean {
  if (!isPort(port)) return false;
  return usual[protocol].includes(port) || added.some(([first, last]) => port >= first && port <= last);
}

export const usualPorts = (protocol: MailProtocol): string => usual[protocol].join(", ");
