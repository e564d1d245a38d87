import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type OpenImap } from "../../../src/protocols/imap/open-imap.ts";
import { target } from "./session-on-dovecot.ts";

/** What the server writes in answer to a command (without its tag), or undefined for the usual answer. */
export type Script = (command: string, tag: string, socket: Socket) => string | undefined;

export type ScriptedImap = {
  port: number;
  /** Every line that came, without its tag. */
  commands: string[];
  /** Every line that came, as it came. */
  heard: string[];
  /** Resolves with the first connection. */
  connected: Promise<void>;
  /** From now on it answers by this one. */
  setScript(script: Script): void;
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
  /** Called with each connection, before the greeting. */
  meet?: (socket: Socket) => void;
  /** Speaks TLS from the first octet. */
  tls?: { cert: string; key: string };
};

/** A server that speaks as much IMAP as a dialog needs, and lies where the script says so. */
export async function startScripted({
  greeting = "* OK ready\r\n",
  capability = "IMAP4rev1 UIDPLUS MOVE",
  exists = 3,
  script = () => undefined,
  meet = () => {},
  tls,
}: Dialog): Promise<ScriptedImap> {
  const commands: string[] = [];
  const heard: string[] = [];
  const open = new Set<Socket>();
  let announce = (): void => {};
  const connected = new Promise<void>((resolve) => (announce = resolve));
  const serve = (socket: Socket): void => {
    announce();
    open.add(socket.on("error", () => {}).on("close", () => open.delete(socket)));
    meet(socket);
    if (greeting !== null) socket.write(greeting);
    let waiting = "";
    socket.on("data", (chunk) => {
      waiting += chunk.toString("latin1");
      for (let end = waiting.indexOf("\r\n"); end >= 0; end = waiting.indexOf("\r\n")) {
        const line = waiting.slice(0, end);
        const [, tag = "", command = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
        heard.push(line);
        waiting = waiting.slice(end + 2);
        commands.push(command);
        socket.write(script(command, tag, socket) ?? usual(command, tag), "latin1");
      }
    });
  };
  const server = tls ? createTlsServer(tls, serve).on("tlsClientError", () => {}) : createServer(serve);
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
    heard,
    connected,
    setScript: (next) => (script = next),
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
  const fields = `Date: Thu, 1 Jan 2026 10:00:00 +0000\r\nSubject: s${uid}\r\nMessage-ID: <${uid}@x>\r\n\r\n`;
  return `* ${sequence} FETCH (UID ${uid} FLAGS () INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE 100 BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 5 1)${extra} ${fieldsItem(fields)})\r\n`;
}

/** The item that answers BODY.PEEK[HEADER.FIELDS (…)]<0.n>. */
export function fieldsItem(fields: string): string {
  return `BODY[HEADER.FIELDS (DATE FROM SENDER REPLY-TO TO CC BCC SUBJECT MESSAGE-ID IN-REPLY-TO)]<0> {${fields.length}}\r\n${fields}`;
}

export function scriptedTarget(server: Pick<ScriptedImap, "port">, security: "starttls" | "none" = "none"): OpenImap {
  return target({ username: "someone", password: "a-canary-password" }, server.port, { security });
}
