import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer } from "node:tls";

import type { Certificate } from "./ca.ts";
import { loopback } from "./ports.ts";
import { write } from "./write.ts";

interface Extension {
  /** Commands, without their tag, that a server without the extension does not know. */
  commands?: RegExp;
  /** What it would not say in its answers: taken out of status responses, LIST and STATUS. */
  answers?: RegExp;
}

const code = (names: string): RegExp => new RegExp(`\\[(${names})( [^\\]]*)?\\] ?`, "i");

/** What a server can be made to lack. */
const extensions = {
  MOVE: { commands: /^(UID )?MOVE /i },
  UIDPLUS: { commands: /^UID EXPUNGE /i, answers: code("COPYUID|APPENDUID|UIDNOTSTICKY") },
  IDLE: { commands: /^IDLE/i },
  CONDSTORE: {
    commands: /CHANGEDSINCE|UNCHANGEDSINCE|\(CONDSTORE\)|MODSEQ/i,
    answers: code("HIGHESTMODSEQ|MODIFIED|NOMODSEQ"),
  },
  QRESYNC: { commands: /\(QRESYNC |^ENABLE .*QRESYNC/i, answers: code("CLOSED") },
  ENABLE: { commands: /^ENABLE/i },
  UNSELECT: { commands: /^UNSELECT/i },
  ID: { commands: /^ID /i },
  BINARY: { commands: /BINARY(\.PEEK|\.SIZE)?\[/i },
  OBJECTID: { commands: /EMAILID|MAILBOXID|THREADID/i, answers: code("MAILBOXID") },
  "SPECIAL-USE": {
    commands: /^LIST .*SPECIAL-USE/i,
    answers: /(?<=^\* LIST \([^)]*)\\(All|Archive|Drafts|Flagged|Junk|Sent|Trash) ?/gi,
  },
  "LIST-EXTENDED": { commands: /^LIST .*RETURN \(/i },
  "LIST-STATUS": { commands: /^LIST .*RETURN \(.*STATUS \(/i },
  ESEARCH: { commands: /SEARCH RETURN/i },
  NAMESPACE: { commands: /^NAMESPACE/i },
  "X-GUID": { commands: /(FETCH|SEARCH) .*X-GUID/i },
  "RFC 5530 codes": {
    answers: code("NONEXISTENT|ALREADYEXISTS|TRYCREATE|CANNOT|EXPUNGEISSUED|SERVERBUG|HASCHILDREN|OVERQUOTA|LIMIT"),
  },
  UIDNEXT: { answers: /\[UIDNEXT \d+\] ?|(?<=^\* STATUS .*)UIDNEXT \d+ ?/gi },
  "new keywords": { answers: /(?<=\[PERMANENTFLAGS \([^)]*) ?\\\*/i },
} satisfies Record<string, Extension>;

export type ExtensionName = keyof typeof extensions;

export interface ImapWithout {
  host: string;
  /** IMAPS. */
  port: number;
  /** The commands that were answered BAD, without their tags; they show that a fallback was taken. */
  refused: readonly string[];
  /** What was taken out of answers. */
  removed: readonly string[];
  /** Every command that was passed on, without its tag. */
  passed: readonly string[];
  stop(): Promise<void>;
}

type Traffic = { refused: string[]; removed: string[]; passed: string[] };

/**
 * Puts an IMAPS server before a Dovecot's plain port that really lacks the extensions: Dovecot can only be told not to
 * advertise them. Their commands are answered BAD and what they add to answers is taken out.
 */
export async function startImapWithout(
  lacking: readonly ExtensionName[],
  server: { host: string; port: number },
  { cert, key }: Certificate,
): Promise<ImapWithout> {
  const open = new Set<Socket>();
  const traffic: Traffic = { refused: [], removed: [], passed: [] };
  const front = createServer({ cert, key, noDelay: true }, (client) => {
    const upstream = connect({ ...server, noDelay: true });
    for (const socket of [client, upstream])
      open.add(socket.on("error", () => {}).on("close", () => open.delete(socket)));
    void passCommands(client, upstream, lacking, traffic).finally(() => upstream.end());
    void passResponses(upstream, client, lacking, traffic).finally(() => client.end());
  });
  front.on("tlsClientError", () => {});
  front.listen(0, loopback);
  await once(front, "listening");
  return {
    host: loopback,
    port: (front.address() as AddressInfo).port,
    ...traffic,
    async stop() {
      const closed = once(front, "close");
      front.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function passCommands(
  client: Socket,
  upstream: Socket,
  lacking: readonly ExtensionName[],
  { refused, passed }: Traffic,
): Promise<void> {
  const unknown = lacking.map((name): Extension => extensions[name]).flatMap(({ commands }) => commands ?? []);
  for await (const { bytes, startsLine } of linesAndLiterals(client)) {
    const [, tag = "", command = ""] = (startsLine && /^(\S+) (.*)/.exec(bytes.toString("latin1"))) || [];
    if (unknown.some((pattern) => pattern.test(command))) {
      refused.push(command);
      client.write(`${tag} BAD Unknown command\r\n`);
      continue;
    }
    if (command !== "" && !command.startsWith("LOGIN") && !command.startsWith("AUTHENTICATE")) passed.push(command);
    await write(upstream, bytes);
  }
}

async function passResponses(
  upstream: Socket,
  client: Socket,
  lacking: readonly ExtensionName[],
  { removed }: Traffic,
): Promise<void> {
  const unsaid = lacking.map((name): Extension => extensions[name]).flatMap(({ answers }) => answers ?? []);
  const unadvertised = new Set<string>([...lacking, "STARTTLS"]);
  for await (const { bytes, startsLine } of linesAndLiterals(upstream)) {
    const isRead =
      startsLine && /^(\S+ (OK|NO|BAD|CAPABILITY)|\* (LIST|STATUS)) /i.test(bytes.toString("latin1", 0, 100));
    if (!isRead) {
      await write(client, bytes);
      continue;
    }
    let line = bytes.toString("latin1");
    for (const pattern of unsaid) {
      line = line.replace(pattern, (words) => {
        removed.push(words);
        return "";
      });
    }
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
        if (literal === 0 && length === 1) break; // no end of line yet
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
