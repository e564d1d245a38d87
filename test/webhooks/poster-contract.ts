import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WebhookAnswer, WebhookPoster, WebhookRequest } from "../../src/mail/webhook.ts";
import { requestTo, say, text, timed, until } from "./posting.ts";
import { answerOf, type Received, startScripted } from "./scripted.ts";

/** What all posters do, and what not all can do: a reason says why one can't. */
export type Subject = {
  open(): WebhookPoster;
  /** `null`: each failure has the code of its cause; else all have that of a receiver that can't be reached. */
  tellsNoCause: string | null;
  pinsNothing: string | null;
  unpacks: string | null;
  hidesInterim: string | null;
  /** Whether it keeps connections itself; else the runtime does, as it likes. */
  keepsConnections: boolean;
};

/** The end of a test's name: the reason why it is skipped. */
const skipped = (why: string | null): string => (why === null ? "" : ` (${why})`);

/** The contract of `WebhookPoster`. */
export function posterContract(subject: Subject): void {
  let poster: WebhookPoster;
  beforeEach(() => {
    poster = subject.open();
  });
  afterEach(() => {
    poster.close();
  });

  const post = (port: number, change: Partial<WebhookRequest> & { path?: string } = {}): Promise<WebhookAnswer> =>
    poster.post(requestTo(port, change));
  /** The code of a failure, where it tells its cause. */
  const because = (code: string): string => (subject.tellsNoCause === null ? code : "upstream-unreachable");

  describe("an answer", () => {
    test("is told with its status, its Retry-After and its body", async () => {
      await using server = await startScripted(say(answerOf("503 Busy", "later", ["Retry-After: 120"])));
      const answer = await post(server.port, { path: "/a/b?c=d%20e" });
      expect(answer).toMatchObject({ status: 503, retryAfter: "120" });
      expect(text(answer)).toBe("later");
      const [request] = server.received;
      expect(request?.body).toBe('{"a":"ü"}');
      expect(request?.head).toMatch(/^POST \/a\/b\?c=d%20e HTTP\/1\.1\r\n/);
      const head = request?.head.toLowerCase();
      expect(head).toContain(`host: 127.0.0.1:${server.port}`);
      expect(head).toContain("content-length: 10");
      expect(head).toContain("webhook-id: evt_1");
    });

    test("429 comes with its Retry-After, also as a date", async () => {
      const date = "Mon, 23 Nov 2026 15:00:00 GMT";
      await using server = await startScripted(say(answerOf("429 Slow Down", "", [`Retry-After: ${date}`])));
      expect(await post(server.port)).toMatchObject({ status: 429, retryAfter: date });
    });

    test.each(["200 OK", "204 No Content", "404 Not Found", "410 Gone", "500 Oops", "599 Odd"])(
      "%s",
      async (status) => {
        await using server = await startScripted(say(answerOf(status)));
        expect((await post(server.port)).status).toBe(Number(status.slice(0, 3)));
      },
    );

    test.each(["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])("%s is not followed", async (status) => {
      await using other = await startScripted(say(answerOf("200 OK")));
      await using server = await startScripted(
        say(answerOf(status, "", [`Location: http://127.0.0.1:${other.port}/`])),
      );
      expect((await post(server.port)).status).toBe(Number(status.slice(0, 3)));
      expect(other.connections).toBe(0);
      expect(server.received).toHaveLength(1);
    });

    test("may come after interim ones", async () => {
      const early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
      await using server = await startScripted(say(early + early + answerOf("200 OK", "ok")));
      expect(text(await post(server.port))).toBe("ok");
    });

    test.skipIf(subject.pinsNothing !== null)(
      `names the host of the URL, and comes from the address that was admitted${skipped(subject.pinsNothing)}`,
      async () => {
        await using server = await startScripted(say(answerOf("200 OK")));
        const url = new URL(`http://nowhere.invalid:${server.port}/`);
        expect(await post(server.port, { url })).toMatchObject({ status: 200, retryAfter: null });
        expect(server.received[0]?.head).toContain(`host: nowhere.invalid:${server.port}`);
      },
    );

    test.skipIf(subject.unpacks !== null)(`that is packed stays packed${skipped(subject.unpacks)}`, async () => {
      await using server = await startScripted(
        say(answerOf("200 OK", "\x1f\x8bnot really", ["Content-Encoding: gzip"])),
      );
      expect(text(await post(server.port))).toBe("\x1f\x8bnot really");
    });
  });

  describe("a receiver that does not answer", () => {
    test("in time", async () => {
      await using server = await startScripted(() => undefined);
      const { outcome, ms } = await timed(post(server.port, { timeoutMs: 200 }));
      expect(outcome).toMatchObject({
        code: "upstream-timeout",
        message: "The webhook receiver did not answer in time.",
      });
      expect(ms).toBeGreaterThan(190);
      expect(ms).toBeLessThan(1_500);
      await until(() => server.open === 0);
    });

    test("in time, but with half a head, or one octet after another", async () => {
      await using half = await startScripted(say("HTTP/1.1 200 OK\r\nContent-Le"));
      expect((await timed(post(half.port, { timeoutMs: 200 }))).outcome).toMatchObject({ code: "upstream-timeout" });
      await using slow = await startScripted((socket) => {
        const timer = setInterval(() => socket.write("H"), 20);
        socket.on("close", () => clearInterval(timer));
      });
      expect((await timed(post(slow.port, { timeoutMs: 200 }))).outcome).toMatchObject({
        code: expect.stringMatching(/upstream-(?:timeout|protocol-error|unreachable)/),
      });
      await until(() => half.open === 0 && slow.open === 0);
    });

    test("but closes or resets, before or in the midst of the head", async () => {
      const cases: [(socket: Socket) => void, string, string][] = [
        [
          (socket) => socket.end(),
          "upstream-unreachable",
          "The webhook receiver closed the connection without an answer.",
        ],
        [(socket) => socket.resetAndDestroy(), "upstream-unreachable", "The webhook receiver reset the connection."],
        [
          (socket) => socket.end("HTTP/1.1 200 OK\r\nX-"),
          "upstream-protocol-error",
          "The webhook receiver's answer broke off, or is not one to the request.",
        ],
      ];
      for (const [act, code, message] of cases) {
        await using server = await startScripted(act);
        await expect(post(server.port)).rejects.toMatchObject(
          subject.tellsNoCause === null ? { code, message } : { code: because(code) },
        );
        expect(server.received).toHaveLength(1);
      }
    });

    test("because nothing listens there", async () => {
      const port = await startScripted(() => undefined).then(async (server) => {
        await server[Symbol.asyncDispose]();
        return server.port;
      });
      const message = "Nothing listens there: the connection to the webhook receiver was refused.";
      await expect(post(port)).rejects.toMatchObject({
        code: "upstream-unreachable",
        ...(subject.tellsNoCause === null && { message }),
      });
    });
  });

  describe("a receiver that answers nonsense", () => {
    test.each([
      ["words", "hello there\r\n\r\n"],
      ["SMTP", "220 mail.example.org ESMTP\r\n"],
      ["a bad header", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n"],
      ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"],
      ["a long head", `HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(1_000_000)}\r\n\r\n`],
      ["many headers", `HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(100_000)}\r\n`],
    ])("%s", async (_, words) => {
      await using server = await startScripted(say(words));
      const code = because("upstream-protocol-error");
      await expect(post(server.port, { timeoutMs: 3_000 })).rejects.toMatchObject({ code });
      await until(() => server.open === 0);
    });

    test("another protocol", async () => {
      const upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
      await using server = await startScripted(say(upgrade));
      const code = expect.stringMatching(
        subject.tellsNoCause === null ? /^upstream-protocol-error$/ : /^upstream-(?:protocol-error|unreachable)$/,
      );
      await expect(post(server.port)).rejects.toMatchObject({ code });
      await until(() => server.open === 0);
    });

    for (const [name, words] of [
      ["continue, which nobody asked for, once", `HTTP/1.1 100 Continue\r\n\r\n${answerOf("200 OK")}`],
      ["continue, which nobody asked for", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)],
      ["hints without end", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)],
    ] as const)
      test.skipIf(subject.hidesInterim !== null)(`${name}${skipped(subject.hidesInterim)}`, async () => {
        await using server = await startScripted(say(words));
        await expect(post(server.port)).rejects.toMatchObject({ code: "upstream-protocol-error" });
        await until(() => server.open === 0);
      });

    test("interim answers without end, for as long as there is time", async () => {
      await using server = await startScripted((socket) => {
        const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 20);
        socket.on("close", () => clearInterval(timer));
      });
      const { outcome, ms } = await timed(post(server.port, { timeoutMs: 300 }));
      expect(outcome).toMatchObject({ code: "upstream-timeout" });
      expect(ms).toBeLessThan(1_500);
      await until(() => server.open === 0);
    });

    test("after the answer, which spoils no other", async () => {
      await using server = await startScripted(say(`${answerOf("200 OK", "a")}garbage`));
      for (let round = 0; round < 3; round += 1) expect(text(await post(server.port))).toBe("a");
      expect(server.received).toHaveLength(3);
    });
  });

  describe("a body", () => {
    const chunk = (size: number) => `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;

    test("is read to 16 kB", async () => {
      const sizes: [number, number][] = [
        [16_384, 1],
        [16_385, 2],
        [1_000_000, 2],
      ];
      for (const [size, connections] of sizes) {
        await using server = await startScripted(say(answerOf("200 OK", "y".repeat(size))));
        expect(text(await post(server.port))).toBe("y".repeat(16_384));
        expect((await post(server.port)).status).toBe(200);
        expect(subject.keepsConnections ? server.connections : connections).toBe(connections);
      }
    });

    test("without end is left, in constant memory, and others go on", async () => {
      const flood = (socket: Socket): void => {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const pour = (): void => {
          while (!socket.destroyed && socket.write(chunk(65_536)));
          if (!socket.destroyed) socket.once("drain", pour);
        };
        pour();
      };
      await using bad = await startScripted(flood);
      await using good = await startScripted(say(answerOf("200 OK", "ok")));
      const before = process.memoryUsage().rss;
      for (let round = 0; round < 30; round += 1) {
        const [endless, fine] = await Promise.all([post(bad.port), post(good.port)]);
        expect(endless.body).toHaveLength(16_384);
        expect(text(fine)).toBe("ok");
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
      expect(subject.keepsConnections ? good.connections : 1).toBe(1);
      await until(() => bad.open === 0);
    });

    test("that trickles is waited for as long as there is time", async () => {
      await using server = await startScripted((socket) => {
        socket.write("HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n");
        const timer = setInterval(() => socket.write("z"), 100);
        socket.on("close", () => clearInterval(timer));
      });
      const { outcome, ms } = await timed(post(server.port, { timeoutMs: 500 }));
      expect(outcome).toMatchObject({ status: 202 });
      expect(text(outcome as WebhookAnswer)).toMatch(/^z{1,6}$/);
      expect(ms).toBeLessThan(1_500);
      await until(() => server.open === 0);
    });

    test("that breaks off is told as far as it came", async () => {
      await using server = await startScripted((socket) =>
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"),
      );
      const answer = await post(server.port);
      expect(answer.status).toBe(200);
      expect(text(answer)).toBe("half");
      await using reset = await startScripted((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
        setTimeout(() => socket.resetAndDestroy(), 50);
      });
      expect((await post(reset.port)).status).toBe(200);
    });

    test("that ends with the connection is whole", async () => {
      await using server = await startScripted((socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nall of it"));
      expect(text(await post(server.port))).toBe("all of it");
    });

    test("is not read by who says nothing but a head", async () => {
      await using server = await startScripted(say("HTTP/1.1 204 No Content\r\n\r\n"));
      for (let round = 0; round < 2; round += 1) expect((await post(server.port)).body).toHaveLength(0);
      expect(subject.keepsConnections ? server.connections : 1).toBe(1);
    });
  });

  test("the answer's head has its time, whatever the body takes", async () => {
    await using server = await startScripted((socket) => {
      setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), 100);
      setTimeout(() => socket.write("ok"), 700);
    });
    for (let round = 0; round < 2; round += 1) {
      const { outcome, ms } = await timed(post(server.port));
      const { headAfterMs } = outcome as WebhookAnswer;
      expect(Number.isInteger(headAfterMs)).toBe(true);
      expect(headAfterMs).toBeGreaterThanOrEqual(95);
      expect(headAfterMs).toBeLessThan(500);
      expect(ms).toBeGreaterThan(650);
    }
  });

  test("answers of many receivers are not mixed up", async () => {
    const echo = (socket: Socket, { body }: Received): void =>
      void setTimeout(() => socket.write(answerOf("200 OK", body)), Math.random() * 10);
    await using one = await startScripted(echo);
    await using two = await startScripted(echo);
    const hands = Array.from({ length: 20 }, async (_, hand) => {
      for (let at = 0; at < 20; at += 1) {
        const body = `${hand}.${at}`;
        expect(text(await post(at % 2 === 0 ? one.port : two.port, { body }))).toBe(body);
      }
    });
    await Promise.all(hands);
    expect(one.connections).toBeLessThanOrEqual(20);
    expect(two.connections).toBeLessThanOrEqual(20);
  });
}
