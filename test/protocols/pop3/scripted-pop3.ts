import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ServerLogin } from "../../../src/mail/server.ts";
import { type Clock, systemClock } from "../../../src/observe.ts";
import type { Dial } from "../../../src/net/connection.ts";
import { dialNode } from "../../../src/protocols/pop3/dial-node.ts";
import { openPop3, type Pop3Session } from "../../../src/protocols/pop3/open-pop3.ts";

/** Octets to say, as latin1, or what happens instead; `after` comes after them. */
export type Answer = string | { say?: string; after: "silence" | "close" | "reset" };

/** By a command's first word; `greeting`, and `more` for a line that is no command (RFC 5034). Undefined: as usual. */
export type Answers = Record<string, Answer | ((line: string, nth: number) => Answer | undefined)>;

export type Message = { uid: string; raw: string };

export type Dialog = {
  answers?: Answers;
  /** What CAPA lists; null: the server has no CAPA. */
  capa?: string[] | null;
  messages?: Message[];
};

export type Scripted = {
  port: number;
  /** Every line that came, over all connections. */
  heard: string[];
  /** Every octet that came, as latin1. */
  octets(): string;
  connections(): number;
  /** Says something unasked, or drops the line, on the latest connection. */
  say(octets: string): void;
  drop(): void;
  reset(): void;
  /** Resolves when the latest connection has ended. */
  ended(): Promise<void>;
  stop(): Promise<void>;
};

export const usualCapa = ["USER", "SASL PLAIN", "TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE"];

const usualMessages: Message[] = [
  { uid: "first", raw: "Subject: one\r\n\r\nhello\r\n" },
  { uid: "second", raw: "Subject: two\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n" },
  { uid: "third", raw: "Subject: three\r\n\r\n" },
];

/** A multi-line answer, stuffed as RFC 1939 §3 has it. */
export function multiLine(content: string, status = "+OK"): string {
  const stuffed = content.replaceAll(/(^|\r\n)\./g, "$1..");
  // Two lines that both begin with a dot share no CRLF, so one pass is enough.
  return `${status}\r\n${stuffed}${content === "" || content.endsWith("\r\n") ? "" : "\r\n"}.\r\n`;
}

/** A POP3 server's answers by command, without a network. */
export function makeScript({ answers = {}, capa = usualCapa, messages = usualMessages }: Dialog = {}) {
  const counts = new Map<string, number>();
  const usual = (word: string, line: string): Answer => {
    const argument = Number(line.split(" ")[1] ?? Number.NaN);
    const message = messages[argument - 1];
    const lines = (of: (message: Message) => string | number) =>
      multiLine(messages.map((each, index) => `${index + 1} ${of(each)}\r\n`).join(""));
    if (word === "greeting") return "+OK scripted\r\n";
    if (word === "CAPA")
      return capa === null ? "-ERR what?\r\n" : multiLine(capa.map((each) => `${each}\r\n`).join(""));
    if (word === "STAT") return `+OK ${messages.length} ${messages.reduce((sum, { raw }) => sum + raw.length, 0)}\r\n`;
    if (word === "LIST" && Number.isNaN(argument)) return lines(({ raw }) => raw.length);
    if (word === "UIDL" && Number.isNaN(argument)) return lines(({ uid }) => uid);
    if (word === "QUIT") return { say: "+OK bye\r\n", after: "close" };
    if (["LIST", "UIDL", "TOP", "RETR", "DELE"].includes(word)) {
      if (!message) return "-ERR no such message\r\n";
      if (word === "LIST") return `+OK ${argument} ${message.raw.length}\r\n`;
      if (word === "UIDL") return `+OK ${argument} ${message.uid}\r\n`;
      if (word === "TOP") return multiLine(message.raw.slice(0, message.raw.indexOf("\r\n\r\n") + 4));
      return word === "RETR" ? multiLine(message.raw) : "+OK marked\r\n";
    }
    return "+OK\r\n";
  };
  return (line: string): Answer => {
    const [first = ""] = line.split(" ");
    const word = /^[A-Z0-9]+$|^greeting$/.test(first) ? first : "more";
    const nth = counts.get(word) ?? 0;
    counts.set(word, nth + 1);
    const scripted = answers[word];
    return (typeof scripted === "function" ? scripted(line, nth) : scripted) ?? usual(word, line);
  };
}

/** A POP3 server on 127.0.0.1 that answers as told. */
export async function startScripted(dialog: Dialog = {}): Promise<Scripted> {
  const script = makeScript(dialog);
  const heard: string[] = [];
  const open = new Set<Socket>();
  let latest: Socket | null = null;
  let connections = 0;
  let octets = "";

  const answer = (socket: Socket, line: string): void => {
    const said = script(line);
    const { say = "", after } = typeof said === "string" ? { say: said, after: null } : said;
    if (say !== "") socket.write(say, "latin1");
    if (after === "close") socket.end();
    if (after === "reset") socket.resetAndDestroy();
  };
  const server = createServer((socket) => {
    connections++;
    latest = socket;
    open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    let waiting = "";
    socket.on("data", (chunk) => {
      octets += chunk.toString("latin1");
      waiting += chunk.toString("utf8");
      for (let end = waiting.indexOf("\r\n"); end >= 0; end = waiting.indexOf("\r\n")) {
        const line = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        heard.push(line);
        answer(socket, line);
      }
    });
    answer(socket, "greeting");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    octets: () => octets,
    connections: () => connections,
    say: (text) => void latest?.write(text, "latin1"),
    drop: () => void latest?.destroy(),
    reset: () => void latest?.resetAndDestroy(),
    async ended() {
      const last = latest;
      if (last && !last.destroyed) await new Promise((resolve) => last.once("close", resolve));
    },
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Real time at first, and `times` as fast from the call of `hurry` on, also for who sleeps then: 30 seconds pass in 300 ms. */
export type Hurried = Clock & {
  hurry(): Hurried;
  /** The same clock for what is not to make it hurry once it is open. */
  onTime: Clock;
};

export function hurried(times = 100): Hurried {
  let start = Infinity;
  const hurrying = new AbortController();
  const onTime: Clock = {
    now: () => systemClock.now() + Math.max(0, systemClock.now() - start) * (times - 1),
    async sleep(ms, signal) {
      const until = onTime.now() + ms;
      for (let left = ms; left > 0; left = until - onTime.now()) {
        if (signal?.aborted === true) return;
        if (hurrying.signal.aborted) await systemClock.sleep(left / times, signal);
        else await systemClock.sleep(left, AbortSignal.any([hurrying.signal, ...(signal ? [signal] : [])]));
      }
    },
  };
  const clock: Hurried = {
    ...onTime,
    onTime,
    hurry() {
      start = Math.min(start, systemClock.now());
      hurrying.abort();
      return clock;
    },
  };
  return clock;
}

export const credentials = { username: "someone", password: "a-canary-password" };

export function target(
  port: number,
  change: Partial<ServerLogin> = {},
  clock: Clock = systemClock,
  dial: Dial = dialNode,
) {
  const login: ServerLogin = {
    host: "localhost",
    port,
    security: "none",
    tls: { ca: null, servername: null },
    ...credentials,
    ...change,
  };
  return { login, admitted: { address: "127.0.0.1", port, servername: "localhost" }, dial, clock };
}

/** Scripted servers and sessions on them, to be ended together. */
export function makeBench() {
  const servers: Scripted[] = [];
  const sessions: Pop3Session[] = [];
  return {
    async serve(dialog: Dialog = {}) {
      const server = await startScripted(dialog);
      servers.push(server);
      /** A clock that is to hurry does so once the session is open, if not before. */
      const open = async (change: Partial<ServerLogin> = {}, clock: Clock | Hurried = systemClock) => {
        const session = await openPop3(target(server.port, change, clock));
        sessions.push(session);
        if ("hurry" in clock) clock.hurry();
        return session;
      };
      return { server, open };
    },
    async end() {
      await Promise.all(sessions.splice(0).map((session) => session.close()));
      await Promise.all(servers.splice(0).map((server) => server.stop()));
    },
  };
}
