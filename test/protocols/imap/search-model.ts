import { foldText } from "../../../src/mail/fold-text.ts";
import type { SearchFacts } from "../../../src/mail/match-search.ts";
import type { SearchProgram } from "../../../src/protocols/imap/compile-search.ts";
import type { Token } from "../../../src/protocols/imap/wire.ts";

/** How one server reads SEARCH where RFC 9051 §6.4.4 leaves it a choice. */
export type ModelServer = {
  /** Hours east of UTC of the days that it compares. */
  zone: number;
  /** Gmail's own idea of attachments; null where X-GM-RAW is no key. */
  gmail: ((facts: SearchFacts, query: string) => boolean) | null;
};

/** Whether an IMAP server finds a message, whose facts are all known; throws for what is no SEARCH. */
export function findsByModel({ charset, criteria }: SearchProgram, facts: SearchFacts, server: ModelServer): boolean {
  if (charset.length > 0) expectAtoms(charset, "CHARSET", "UTF-8");
  const reader = new KeyReader(criteria, charset.length > 0, facts, server);
  return reader.readAll();
}

function expectAtoms(tokens: Token[], ...atoms: string[]): void {
  const values = tokens.map((token) => (Array.isArray(token) || token.type !== "ATOM" ? null : token.value));
  if (values.join(" ") !== atoms.join(" ")) throw new Error(`not ${atoms.join(" ")}`);
}

const day = 86_400_000;

class KeyReader {
  readonly #tokens: Token[];
  readonly #isNamed: boolean;
  readonly #facts: SearchFacts;
  readonly #server: ModelServer;
  #next = 0;

  constructor(tokens: Token[], isNamed: boolean, facts: SearchFacts, server: ModelServer) {
    if (tokens.length === 0) throw new Error("no search key");
    if (Array.isArray(tokens[0])) throw new Error("imapflow writes no space between lists at the beginning of one");
    this.#tokens = tokens;
    this.#isNamed = isNamed;
    this.#facts = facts;
    this.#server = server;
  }

  readAll(): boolean {
    let all = true;
    while (this.#next < this.#tokens.length) all = this.#readKey() && all;
    return all;
  }

  #readKey(): boolean {
    const token = this.#take();
    if (Array.isArray(token)) return new KeyReader(token, this.#isNamed, this.#facts, this.#server).readAll();
    if (token.type !== "ATOM") throw new Error(`${token.type} is no search key`);
    const { flags, keywords = [], headers = [], receivedAt, size = 0 } = this.#facts;
    const name = token.value;
    if (flags && name.replace(/^UN/, "").toLowerCase() in flags) {
      const isSet = flags[name.replace(/^UN/, "").toLowerCase() as keyof typeof flags];
      return isSet !== name.startsWith("UN");
    }
    switch (name) {
      case "ALL":
        return true;
      case "NOT":
        return !this.#readKey();
      case "OR": {
        const [one, other] = [this.#readKey(), this.#readKey()];
        return one || other;
      }
      case "FROM":
      case "TO":
      case "CC":
      case "BCC":
      case "SUBJECT":
        return this.#inHeader(name, this.#string());
      case "HEADER":
        return this.#inHeader(this.#atom(), this.#string());
      case "BODY":
        return this.#inBody(this.#string());
      case "TEXT": {
        const value = this.#string();
        return headers.some((header) => holds(`${header.name}: ${header.value}`, value)) || this.#inBody(value);
      }
      case "KEYWORD": {
        const keyword = this.#atom().toLowerCase();
        return keywords.some((each) => each.toLowerCase() === keyword);
      }
      case "SINCE":
        return this.#dayOf(receivedAt) >= this.#date();
      case "BEFORE":
        return this.#dayOf(receivedAt) < this.#date();
      case "LARGER":
        return size > this.#number();
      case "SMALLER":
        return size < this.#number();
      case "X-GM-RAW": {
        if (!this.#server.gmail) throw new Error("X-GM-RAW is not offered");
        return this.#server.gmail(this.#facts, this.#string());
      }
      default:
        throw new Error(`${name} is no search key`);
    }
  }

  #take(): Token {
    const token = this.#tokens[this.#next++];
    if (token === undefined) throw new Error("a search key is missing");
    return token;
  }

  #atom(): string {
    const token = this.#take();
    if (Array.isArray(token) || token.type !== "ATOM") throw new Error("an atom is missing");
    return token.value;
  }

  #string(): string {
    const token = this.#take();
    if (Array.isArray(token)) throw new Error("a string is missing");
    // RFC 9051 §6.4.4: US-ASCII is the default charset.
    if (token.type === "LITERAL") {
      if (!this.#isNamed) throw new Error("8-bit text without a charset");
      return token.value.toString("utf8");
    }
    if (token.type !== "STRING" || !/^[\x20-\x7e]*$/.test(token.value)) throw new Error("no quoted string");
    return token.value;
  }

  #number(): number {
    const digits = this.#atom();
    if (!/^\d+$/.test(digits) || Number(digits) >= 2 ** 32) throw new Error(`${digits} is no number`);
    return Number(digits);
  }

  #date(): number {
    const value = this.#atom();
    if (!/^\d{1,2}-[A-Z][a-z]{2}-(19[7-9]|[2-9]\d\d)\d$/.test(value)) throw new Error(`${value} is no date`);
    return Date.parse(`${value} UTC`);
  }

  #dayOf(receivedAt: number | null | undefined): number {
    const local = (receivedAt ?? 0) + this.#server.zone * 3_600_000;
    return Math.floor(local / day) * day;
  }

  #inHeader(name: string, value: string): boolean {
    const { headers = [] } = this.#facts;
    return headers.some((each) => each.name.toLowerCase() === name.toLowerCase() && holds(each.value, value));
  }

  #inBody(value: string): boolean {
    return (this.#facts.body ?? []).some((text) => holds(text, value));
  }
}

function holds(text: string, value: string): boolean {
  return foldText(text).includes(foldText(value));
}
