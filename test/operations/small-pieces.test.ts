import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { partOf } from "../../src/mime/part-of.ts";
import { isAttachment } from "../../src/mime/walk.ts";
import { decodedRange } from "../../src/operations/decoded-range.ts";
import type { Dial } from "../../src/net/connection.ts";
import { openPop3 } from "../../src/protocols/pop3/open-pop3.ts";
import { collect } from "../mime/random.ts";
import { makeScript, multiLine, target } from "../protocols/pop3/scripted-pop3.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const MiB = 1024 * 1024;
const count = 400_000;
const text = Buffer.from("abcdefgh".repeat(count / 8));

function held(): number {
  collectGarbage();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

/** Each octet alone, in memory of its own as it comes from a network; and what is held before the last of them. */
function octetByOctet(octets: Uint8Array) {
  const seen = { held: 0 };
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const before = held();
    for (const octet of octets.subarray(0, -1)) yield Uint8Array.of(octet);
    seen.held = held() - before;
    yield octets.subarray(-1);
  }
  return { seen, pieces: pieces() };
}

test("a text that may be a file is held in as much memory as it is long", async () => {
  const head = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n";
  const raw = Buffer.from(`${head}${String(text)}\r\n--b\r\n\r\nsecond\r\n--b--\r\n`);
  const { seen, pieces } = octetByOctet(raw);
  const { octets } = await partOf(pieces, "1", isAttachment);
  expect(seen.held).toBeLessThan(8 * MiB);
  expect(octets && (await collect(octets)).equals(text)).toBe(true);
});

test("a range is held in as much memory as it is long", async () => {
  const { seen, pieces } = octetByOctet(text);
  const found = await decodedRange({ suffix: 300_000 }, pieces, null, new AbortController().signal);
  expect(seen.held).toBeLessThan(8 * MiB);
  expect("octets" in found && text.subarray(-300_000).equals(found.octets)).toBe(true);
});

test("a header is held in as much memory as it is long", async () => {
  const header = Buffer.concat([Buffer.from("Subject: "), text, Buffer.from("\r\n\r\n")]);
  const { seen, pieces } = octetByOctet(Buffer.from(multiLine(header.toString("latin1"))));
  const script = makeScript();
  const said: Uint8Array[] = [Buffer.from(script("greeting") as string)];
  let wake = (): void => {};
  let isAsked = false;
  const dial: Dial = async () => ({
    async read() {
      for (;;) {
        const next = said.shift() ?? (isAsked ? (await pieces.next()).value : null);
        if (next instanceof Uint8Array) return next;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async write(octets) {
      const line = String(octets).trim();
      if (line.startsWith("TOP")) isAsked = true;
      else said.push(Buffer.from(script(line) as string));
      wake();
    },
    unread: 0,
    lost: false,
    startTls: () => Promise.reject(new Error("there is no TLS")),
    destroy() {},
  });
  const session = await openPop3(target(0, {}, undefined, dial));
  const found = [];
  for await (const one of session.top([1])) found.push(one.header);
  expect(seen.held).toBeLessThan(8 * MiB);
  expect(found[0] && header.equals(found[0])).toBe(true);
});
