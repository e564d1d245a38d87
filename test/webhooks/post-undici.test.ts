import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WebhookAnswer, WebhookPoster, WebhookRequest } from "../../src/mail/webhook.ts";
import { createUndiciPoster } from "../../src/webhooks/post-undici.ts";
import { posterContract } from "./poster-contract.ts";
import { requestTo, text, until, say } from "./posting.ts";
import { answerOf, type Scripted, startScripted } from "./scripted.ts";

posterContract({
  open: () => createUndiciPoster(),
  tellsNoCause: null,
  pinsNothing: null,
  unpacks: null,
  hidesInterim: null,
  keepsConnections: true,
});

let poster: WebhookPoster;
beforeEach(() => {
  poster = createUndiciPoster();
});
afterEach(() => {
  poster.close();
});

const post = (port: number, change: Partial<WebhookRequest> & { path?: string } = {}): Promise<WebhookAnswer> =>
  poster.post(requestTo(port, change));

describe("connections", () => {
  const nth = ({ received }: Scripted) => received.map(({ connection, nth: at }) => `${connection}.${at}`);

  test("are used again after good answers, also those of failures and without length", async () => {
    const answers = [
      answerOf("200 OK", "a"),
      answerOf("500 Oops", "b"),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n",
    ];
    await using server = await startScripted((socket, { nth: at }) => socket.write(answers[at - 1] ?? ""));
    for (const body of ["a", "b", "c"]) expect(text(await post(server.port))).toBe(body);
    expect(nth(server)).toEqual(["1.1", "1.2", "1.3"]);
  });

  test("carry one request at a time", async () => {
    await using server = await startScripted((socket) => void setTimeout(() => socket.write(answerOf("200 OK")), 50));
    await Promise.all([post(server.port), post(server.port), post(server.port)]);
    expect(server.connections).toBe(3);
    await Promise.all([post(server.port), post(server.port)]);
    expect(server.connections).toBe(3);
  });

  test("are not shared by hosts that have one address", async () => {
    await using server = await startScripted(say(answerOf("200 OK")));
    await post(server.port);
    await post(server.port, { url: new URL(`http://other.invalid:${server.port}/`) });
    expect(nth(server)).toEqual(["1.1", "2.1"]);
  });

  test("that the receiver ends are not used again", async () => {
    await using server = await startScripted((socket, { connection }) =>
      connection === 1
        ? socket.write(answerOf("200 OK", "a", ["Connection: close"]))
        : socket.end(answerOf("200 OK", "b")),
    );
    expect(text(await post(server.port))).toBe("a");
    expect(text(await post(server.port))).toBe("b");
    await until(() => server.open === 0);
    expect(text(await post(server.port))).toBe("b");
    expect(nth(server)).toEqual(["1.1", "2.1", "3.1"]);
  });

  test("that the receiver closes when the next request comes cost no delivery", async () => {
    for (const how of ["end", "destroy", "reset"] as const) {
      await using server = await startScripted((socket, { nth: at }) => {
        if (at === 1) socket.write(answerOf("200 OK", "fine"));
        else if (how === "end") socket.end();
        else if (how === "destroy") socket.destroy();
        else socket.resetAndDestroy();
      });
      for (let round = 0; round < 3; round += 1) expect(text(await post(server.port))).toBe("fine");
      expect(nth(server)).toEqual(["1.1", "1.2", "2.1", "2.2", "3.1"]);
    }
  });

  test("are not given a second chance when they are new, or something was answered", async () => {
    await using fresh = await startScripted((socket) => socket.destroy());
    await expect(post(fresh.port)).rejects.toMatchObject({ code: "upstream-unreachable" });
    expect(fresh.received).toHaveLength(1);

    await using half = await startScripted((socket, { nth: at }) => {
      if (at === 1) socket.write(answerOf("200 OK"));
      else socket.end("HTTP/1.1 2");
    });
    await post(half.port);
    await expect(post(half.port)).rejects.toMatchObject({ code: "upstream-protocol-error" });
    expect(half.received).toHaveLength(2);
  });

  test("are opened anew but once", async () => {
    await using server = await startScripted((socket, { connection, nth: at }) =>
      connection === 1 && at === 1 ? socket.write(answerOf("200 OK")) : socket.destroy(),
    );
    await post(server.port);
    await expect(post(server.port)).rejects.toMatchObject({ code: "upstream-unreachable" });
    expect(nth(server)).toEqual(["1.1", "1.2", "2.1"]);
  });

  test("are closed at the end, with what is under way on them", async () => {
    await using server = await startScripted((socket, { nth: at }) => at === 1 && socket.write(answerOf("200 OK")));
    await post(server.port);
    const waiting = post(server.port);
    await until(() => server.received.length === 2);
    poster.close();
    await expect(waiting).rejects.toMatchObject({ code: "upstream-unreachable" });
    await expect(post(server.port)).rejects.toMatchObject({ code: "upstream-unreachable" });
    await until(() => server.open === 0);
    expect(server.received).toHaveLength(2);
  });

  test("that wait are at most 256", async () => {
    const waiting: Socket[] = [];
    await using server = await startScripted((socket) => {
      waiting.push(socket);
      if (waiting.length === 300) for (const one of waiting) one.write(answerOf("200 OK"));
    });
    await Promise.all(Array.from({ length: 300 }, () => post(server.port)));
    await until(() => server.open <= 256);
    expect(server.open).toBe(256);
  });
});

test("what could not be loaded once is loaded the next time", async () => {
  await using server = await startScripted(say(answerOf("200 OK")));
  let loads = 0;
  poster = createUndiciPoster(async () => {
    loads += 1;
    if (loads === 1) throw new Error("no files left");
    return import("undici");
  });
  await expect(post(server.port)).rejects.toThrow("no files left");
  for (let round = 0; round < 2; round += 1) expect((await post(server.port)).status).toBe(200);
  expect(loads).toBe(2);
});
