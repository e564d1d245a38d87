import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer } from "node:tls";

import type { Certificate } from "./ca.ts";
import { loopback } from "./ports.ts";
import { write } from "./write.ts";

interface Extension {
  /** Commands, without their tag, that a server without the extension does not know. */
  commands?: RegExp;
  /** Response codes that it would not send. */
  codes?: RegExp;
}

/** What a server can be made to lack. */
const extensions = {
  MOVE: { commands: /^(UID )?MOVE /i },
  UIDPLUS: { commands: /^UID EXPUNGE /i, codes: /\[(COPYUID|APPENDUID) [^\]]*\] ?/i },
  IDLE: { commands: /^IDLE/i },
  CONDSTORE: {
    commands: /CHANGEDSINCE|UNCHANGEDSINCE|\(CONDSTORE\)|MODSEQ/i,
    codes: /\[(HIGHESTMODSEQ|MODIFIED) [^\]]*\] ?/i,
  },
  QRESYNC: { commands: /\(QRESYNC |^ENABLE .*QRESYNC/i },
  "SPECIAL-USE": { commands: /^LIST .*SPECIAL-USE/i },
  "LIST-EXTENDED": { commands: /^LIST .*RETURN \(/i },
  "LIST-STATUS": { commands: /^LIST .*RETURN \(.*STATUS \(/i },
  ESEARCH: { commands: /SEARCH RETURN/i },
  NAMESPACE: { commands: /^NAMESPACE/i },
  "X-GUID": { commands: /(FETCH|SEARCH) .*X-GUID/i },
} satisfies Record<string, Extension>;

export type ExtensionName = keyof typeof extensions;

export interface ImapWithout {
  host: string;
  /** IMAPS. */
  port: number;
  stop(): Promise<void>;
}

/**
 * Puts an IMAPS server before a Dovecot's plain port that really lacks the extensions: Dovecot can only be told not to
 * advertise them. Their commands are answered BAD and their response codes are taken out.
 */
export async function startImapWithout(
  lacking: readonly ExtensionName[],
  server: { host: string; port: number },
  { cert, key }: Certificate,
): Promise<ImapWithout> {
  const open = new Set<Socket>();
  const front = createServer({ cert, key }, (client) => {
    const upstream = connect(server);
    for (const socket of [client, upstream])
      open.add(socket.on("error", () => {}).on("close", () => open.delete(socket)));
    void passCommands(client, upstream, lacking).finally(() => upstream.end());
    void passResponses(upstream, client, lacking).finally(() => client.end());
  });
  front.on("tlsClientError", () => {});
  front.listen(0, loopback);
  await once(front, "listening");
  return {
    host: loopback,
    port: (front.address() as AddressInfo).port,
    async stop() {
      const closed = once(front, "close");
      front.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function passCommands(client: Socket, upstream: Socket, lacking: readonly ExtensionName[]): Promise<void> {
  const unknown = lacking.map((name): Extension => extensions[name]).flatMap(({ commands }) => commands ?? []);
  for await (const { bytes, startsLine } of linesAndLiterals(client)) {
    const [, tag = "", command = ""] = (startsLine && /^(\S+) (.*)/.exec(bytes.toString("latin1"))) || [];
    if (unknown.some((pattern) => pattern.test(command))) client.write(`${tag} BAD Unknown command\r\n`);
    else await write(upstream, bytes);
  }
}

async function passResponses(upstream: Socket, client: Socket, lacking: readonly ExtensionName[]): Promise<void> {
  const codes = lacking.map((name): Extension => extensions[name]).flatMap((extension) => extension.codes ?? []);
  const unadvertised = new Set<string>([...lacking, "STARTTLS"]);
  for await (const { bytes, startsLine } of linesAndLiterals(upstream)) {
    const isStatus = startsLine && /^\S+ (OK|NO|BAD|CAPABILITY) /i.test(bytes.toString("latin1", 0, 100));
    if (!isStatus) {
      await write(client, bytes);
      continue;
    }
    let line = bytes.toString("latin1");
    for (const code of codes) line = line.replace(code, "");
    line = line.replace(/CAPABILITY [^\]\r]*/i, (list) =>
      list
        .split(" ")
        .filter((name) => !unadvertised.has(name))
        .join(" "),
    );
    await write(client, Buffer.from(line, "latin1"));
  }
}

/** The stream in pieces: whole lines, and between them literals, which may come in several pieces. */
async function* linesAndLiterals(socket: Socket): AsyncGenerator<{ bytes: Buffer; startsLine: boolean }> {
  let waiting = Buffer.alloc(0);
  let literal = 0;
  let startsLine = true;
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length > 0) {
        const length = literal > 0 ? Math.min(literal, waiting.length) : waiting.indexOf("\r\n") + 2;
        if (length === 1) break; // no end of line yet
        const bytes = waiting.subarray(0, length);
        waiting = waiting.subarray(length);
        if (literal > 0) {
          literal -= length;
          yield { bytes, startsLine: false };
          continue;
        }
        const announced = /\{(\d+)\+?\}\r\n$/.exec(bytes.toString("latin1", Math.max(0, length - 24)))?.[1];
        yield { bytes, startsLine };
        literal = Number(announced ?? 0);
        startsLine = announced === undefined;
      }
    }
  } catch {
    // the connection broke, which is its end for both sides
  }
}
