import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deliver } from "../servers/maildir.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { accountOn, type Api, maildropOn, startApi, storeAccount } from "./start.ts";

const mebi = 1024 * 1024;
const crlf = (text: string): string => text.replaceAll("\n", "\r\n");
const lines = (octets: string, width: number): string => octets.replaceAll(new RegExp(`.{${width}}`, "gs"), "$&\n");

/** Random letters in lines, `high` among them ones of 8 bits. */
function text(size: number, high: boolean): string {
  const letters = [...randomBytes(size)].map((octet) =>
    String.fromCharCode(high ? 0x30 + (octet % 200) : 0x61 + (octet % 26)),
  );
  return lines(letters.join("").replaceAll("\u007f", "x"), 70);
}

const quotedPrintable = (octets: Buffer): string =>
  lines([...octets].map((octet) => `=${octet.toString(16).toUpperCase().padStart(2, "0")}`).join(""), 72).replaceAll(
    "\n",
    "=\n",
  );

type Kind = "seven" | "eight" | "base64" | "base64 large" | "quoted" | "nothing";
const small = randomBytes(700_001);
const large = randomBytes(7 * mebi + 1);
const quoted = randomBytes(300_007);
const [seven, eight] = [text(900_000, false), text(900_000, true)];

/** What each attachment holds, decoded, and how it is written. */
const parts: Record<Kind, { encoding: string; written: string; content: Buffer }> = {
  seven: { encoding: "7bit", written: seven, content: Buffer.from(crlf(seven), "latin1") },
  eight: { encoding: "8bit", written: eight, content: Buffer.from(crlf(eight), "latin1") },
  base64: { encoding: "base64", written: lines(small.toString("base64"), 76), content: small },
  "base64 large": { encoding: "base64", written: lines(large.toString("base64"), 76), content: large },
  quoted: { encoding: "quoted-printable", written: quotedPrintable(quoted), content: quoted },
  nothing: { encoding: "base64", written: "", content: Buffer.alloc(0) },
};
const kinds = Object.keys(parts) as Kind[];
const attachment = (kind: Kind): string => `/attachments/att_${kinds.indexOf(kind) + 1}`;

type Got = { status: number; headers: Headers; octets: Buffer; type: string };

const sha = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");

/** What every answer with a stranger's content carries. */
function expectSafe({ headers }: Got): void {
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
  expect(headers.get("content-disposition")).toMatch(/^attachment; filename="/);
  expect(headers.get("accept-ranges")).toBe("bytes");
  expect(headers.get("cache-control")).toBe("private, no-cache");
  expect(headers.get("etag")).toMatch(/^"[\w-]{27}"$/);
}

/** By POP3 each range means reading the message up to its end. */
const protocols = [
  { protocol: "IMAP", account: accountOn, rounds: 20 },
  { protocol: "POP3", account: maildropOn, rounds: 4 },
];

describe.each(protocols)("over $protocol", ({ protocol, account, rounds }) => {
  let stack: MailStack;
  let api: Api;
  let url: string;
  let raw: Buffer;

  beforeAll(async () => {
    stack = await startMailStack();
    api = await startApi();
    const user = stack.dovecot.user();
    const path = await storeAccount(api, account(stack, user));
    const written = Object.values(parts).map(
      ({ encoding, written: octets }, at) =>
        `--b\nContent-Type: application/x-test; name="größe ${at}.bin"\nContent-Transfer-Encoding: ${encoding}\nContent-Disposition: attachment\n\n${octets}\n`,
    );
    const mail = `From: a@postern.test\nSubject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n${written.join("")}--b--\n`;
    deliver(stack.dovecot.maildir(user), Buffer.from(mail, "latin1"));
    raw = Buffer.from(crlf(mail), "latin1");
    const listed = await api.call<{ data: { id: string }[] }>("GET", `${path}/messages`);
    const message = `${path}/messages/${listed.body.data[0]?.id}`;
    const { body } = await api.call<{ attachments: unknown[] }>("GET", message);
    if (body.attachments.length !== kinds.length) throw new Error("the message is not told as it was made");
    url = api.url + message;
  }, 60_000);
  afterAll(async () => {
    await api.stop();
    await stack.stop();
  });

  async function get(below: string, headers: Record<string, string> = {}, method = "GET"): Promise<Got> {
    const response = await fetch(url + below, {
      method,
      headers: { Authorization: `Bearer ${api.keys.appKey}`, ...headers },
    });
    const octets = Buffer.from(await response.arrayBuffer());
    return {
      status: response.status,
      headers: response.headers,
      octets,
      type: response.headers.get("content-type") ?? "",
    };
  }

  async function expectRange(
    below: string,
    asked: string,
    content: Buffer,
    from: number,
    to: number,
    size: string,
  ): Promise<void> {
    const got = await get(below, { Range: `bytes=${asked}` });
    expect([asked, got.status, got.headers.get("content-range")]).toEqual([asked, 206, `bytes ${from}-${to}/${size}`]);
    expect(got.headers.get("content-length")).toBe(String(to - from + 1));
    expect(sha(got.octets)).toBe(sha(content.subarray(from, to + 1)));
    expectSafe(got);
  }

  describe.each(kinds)("an attachment in %s", (kind) => {
    const { content } = parts[kind];
    const below = attachment(kind);
    const knowsEnd = kind !== "base64 large";

    test("comes whole, byte for byte", async () => {
      const got = await get(below);
      expect([got.status, got.type, sha(got.octets)]).toEqual([200, "application/x-test", sha(content)]);
      expectSafe(got);
      expect(got.headers.get("content-disposition")).toContain("filename*=UTF-8''gr%C3%B6%C3%9Fe%20");
    });

    test.skipIf(content.length === 0)(
      "comes in random ranges as the same octets",
      async () => {
        expect.hasAssertions();
        for (let n = 0; n < rounds; n += 1) {
          const from = Math.floor(Math.random() * content.length);
          const to = Math.min(content.length - 1, from + Math.floor(Math.random() * mebi));
          const size = knowsEnd || to + 1 >= content.length ? String(content.length) : "*";
          await expectRange(below, `${from}-${to}`, content, from, to, size);
        }
        const end = content.length - 1;
        await expectRange(below, `${end - 9}-${end + 1000}`, content, end - 9, end, String(content.length));
        await expectRange(below, `${end}-${end}`, content, end, end, String(content.length));
      },
      60_000,
    );

    test.skipIf(!knowsEnd || content.length === 0)("comes from an octet on, and its last octets", async () => {
      expect.hasAssertions();
      const size = String(content.length);
      await expectRange(below, "0-", content, 0, content.length - 1, size);
      await expectRange(below, `${content.length - 5}-`, content, content.length - 5, content.length - 1, size);
      await expectRange(below, "-300000", content, content.length - 300_000, content.length - 1, size);
    });

    test("answers 416 beyond its end, with its size", async () => {
      for (const asked of [
        `${content.length}-${content.length + 9}`,
        ...(knowsEnd ? [`${content.length}-`, "-0"] : []),
      ]) {
        const got = await get(below, { Range: `bytes=${asked}` });
        expect([asked, got.status, got.type]).toEqual([asked, 416, "application/problem+json"]);
        expect(got.headers.get("content-range")).toBe(`bytes */${content.length}`);
      }
    });

    test("HEAD tells the same, sends nothing and knows no ranges", async () => {
      const whole = await get(below);
      for (const headers of [{}, { Range: "bytes=0-1" }, { Range: "bytes=99999999-" }]) {
        const head = await get(below, headers, "HEAD");
        expect([head.status, head.octets.length, head.headers.get("content-range")]).toEqual([200, 0, null]);
        expectSafe(head);
        for (const name of ["content-type", "content-disposition", "etag"])
          expect(head.headers.get(name)).toBe(whole.headers.get(name));
        const isExact = protocol === "IMAP" && (kind === "seven" || kind === "eight");
        expect(head.headers.get("content-length")).toBe(isExact ? String(content.length) : null);
      }
    });
  });

  test("a range that would mean reading much of a large decoded part is answered with the whole", async () => {
    for (const asked of ["5-", "-5", `0-${5 * mebi}`]) {
      const got = await get(attachment("base64 large"), { Range: `bytes=${asked}` });
      expect([asked, got.status, got.headers.get("content-range"), sha(got.octets)]).toEqual([
        asked,
        200,
        null,
        sha(large),
      ]);
    }
  });

  test("the raw message comes by every kind of range", async () => {
    const size = String(raw.length);
    expect(sha((await get("/raw")).octets)).toBe(sha(raw));
    const last = raw.length - 1;
    await expectRange("/raw", "0-0", raw, 0, 0, size);
    await expectRange("/raw", "123456-4123456", raw, 123_456, 4_123_456, size);
    await expectRange("/raw", `${last - 70}-`, raw, last - 70, last, size);
    await expectRange("/raw", "-1000", raw, raw.length - 1000, last, size);
    const head = await get("/raw", { Range: "bytes=0-1" }, "HEAD");
    expect([head.status, head.type, head.headers.get("content-length")]).toEqual([200, "message/rfc822", null]);
    expectSafe(head);
  });

  describe.each(["/raw", attachment("seven"), attachment("base64")])("conditions on %s", (below) => {
    test("304 for what the caller has, with the headers that a cache keeps", async () => {
      const etag = (await get(below, {}, "HEAD")).headers.get("etag") ?? "";
      for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
        for (const method of ["GET", "HEAD"]) {
          const got = await get(below, { "If-None-Match": tags, Range: "bytes=0-1" }, method);
          expect([tags, got.status, got.octets.length]).toEqual([tags, 304, 0]);
          expectSafe(got);
        }
      }
      expect((await get(below, { "If-None-Match": '"x"' })).status).toBe(200);
    });

    test("412 for what the caller believed", async () => {
      const etag = (await get(below, {}, "HEAD")).headers.get("etag") ?? "";
      for (const tags of ['"x"', `W/${etag}`]) {
        const got = await get(below, { "If-Match": tags });
        expect([got.status, got.type]).toEqual([412, "application/problem+json"]);
        expect(got.octets.toString()).toContain('"code":"precondition-failed"');
        expect((await get(below, { "If-Match": tags }, "HEAD")).status).toBe(412);
      }
      for (const tags of [etag, "*"]) expect((await get(below, { "If-Match": tags })).status).toBe(200);
    });

    test("a range only of what If-Range names strongly, else the whole", async () => {
      const etag = (await get(below, {}, "HEAD")).headers.get("etag") ?? "";
      expect((await get(below, { Range: "bytes=2-5", "If-Range": etag })).status).toBe(206);
      for (const other of ['"x"', `W/${etag}`, new Date().toUTCString()])
        expect((await get(below, { Range: "bytes=2-5", "If-Range": other })).status).toBe(200);
    });

    test("several ranges, other units and nonsense are answered with the whole", async () => {
      for (const asked of ["bytes=0-1,5-6", "lines=1-2", "bytes=9-2", "bytes=x"])
        expect((await get(below, { Range: asked })).status).toBe(200);
    });
  });

  test("each content has a tag of its own", async () => {
    const tags = await Promise.all(
      ["/raw", ...kinds.map(attachment)].map(async (below) => (await get(below, {}, "HEAD")).headers.get("etag")),
    );
    expect(new Set(tags).size).toBe(kinds.length + 1);
  });

  test("what is not there is told before any condition", async () => {
    for (const headers of [{ "If-None-Match": "*" }, { "If-Match": '"x"' }, { Range: "bytes=0-1" }])
      expect((await get("/attachments/att_99", headers)).status).toBe(404);
  });
});
