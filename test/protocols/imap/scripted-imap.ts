import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type OpenImap } from "../../../src/protocols/imap/open-imap.ts";
import { target } from "./session-on-dovecot.ts";

/** What the server writes in answer to a command (without its tag), or undefined for the usual answer. */
export type Script = (command: string, tag: string, socket: Socket) => string | undefined;

export type ScriptedImap = {
  port: number;
  /** Every line that came, without its tag. */
  commands: string[];
  /** Resolves with the first connection. */
  connected: Promise<void>;
  stop(): Promise<void>;
};

export type Dialog = {
  /** Default: OK. Null says nothing at all. */
  greeting?: string | null;
  /** Default: IMAP4rev1 and what most servers have. */
  capability?: string;
  /** Messages in every folder; default 3, with the UIDs 11, 12, 13. */
  exists?: number;
  script?: Script;
};

/** A server that speaks as much IMAP as a dialog needs, and lies where the script says so. */
export async function startScripted({
  greeting = "* OK ready\r\n",
  capability = "IMAP4rev1 UIDPLUS MOVE",
  exists = 3,
  script = () => undefined,
}: Dialog): Promise<ScriptedImap> {
  const commands: string[] = [];
  const open = new Set<Socket>();
  let announce = (): void => {};
  const connected = new Promise<void>((resolve) => (announce = resolve));
  const server = createServer((socket) => {
    announce();
    open.add(socket.on("error", () => {}).on("close", () => open.delete(socket)));
    if (greeting !== null) socket.write(greeting);
    let waiting = "";
    socket.on("data", (chunk) => {
      waiting += chunk.toString("latin1");
      for (let end = waiting.indexOf("\r\n"); end >= 0; end = waiting.indexOf("\r\n")) {
        const [, tag = "", command = ""] = /^(\S+) (.*)$/.exec(waiting.slice(0, end)) ?? [];
        waiting = waiting.slice(end + 2);
        commands.push(command);
        socket.write(script(command, tag, socket) ?? usual(command, tag), "latin1");
      }
    });
  });
  const usual = (command: string, tag: string): string => {
    if (command === "CAPABILITY") return `* CAPABILITY ${capability}\r\n${tag} OK done\r\n`;
    if (command.startsWith("SELECT")) {
      return `* ${exists} EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 14] next\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] these\r\n${tag} OK [READ-WRITE] selected\r\n`;
    }
    return `${tag} OK done\r\n`;
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    commands,
    connected,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** One whole FETCH response for a listing. */
export function fetchResponse(sequence: number, uid: number, extra = ""): string {
  return `* ${sequence} FETCH (UID ${uid} FLAGS () INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE 100 ENVELOPE ("Thu, 1 Jan 2026 10:00:00 +0000" "s${uid}" NIL NIL NIL NIL NIL NIL NIL "<${uid}@x>") BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 5 1)${extra})\r\n`;
}

export function scriptedTarget(server: ScriptedImap, security: "starttls" | "none" = "none"): OpenImap {
  return target({ username: "someone", password: "a-canary-password" }, server.port, { security });
}
