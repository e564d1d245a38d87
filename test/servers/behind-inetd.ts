import { fileURLToPath } from "node:url";

const inetd = fileURLToPath(new URL("inetd.ts", import.meta.url));

/**
 * The command line of a daemon that listens on the loopback port and runs the command for each connection. What that writes goes out
 * at once: GNU mailutils' own daemons leave Nagle's algorithm on, and most of their answers would be 40 ms late.
 */
export const behindInetd = (port: number, command: string, args: string[] = []): [string, ...string[]] => [
  process.execPath,
  inetd,
  String(port),
  command,
  ...args,
];
