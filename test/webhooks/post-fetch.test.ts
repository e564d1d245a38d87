import { describe, expect, test } from "vitest";
import { createFetchPoster } from "../../src/webhooks/post-fetch.ts";
import { posterContract } from "./poster-contract.ts";
import { requestTo, until } from "./posting.ts";
import { startScripted } from "./scripted.ts";

/** Over Node's fetch; test/worker/post-fetch.server.test.ts has it over that of Workers. */
posterContract({
  open: () => createFetchPoster((request) => fetch(request)),
  tellsNoCause: "fetch tells no cause",
  pinsNothing: "fetch looks names up itself",
  unpacks: "fetch unpacks",
  hidesInterim: "fetch tells of no interim answers",
  keepsConnections: false,
});

describe("a fetch", () => {
  const answer = (body: ConstructorParameters<typeof Response>[0], init: ResponseInit = {}) =>
    createFetchPoster(async () => new Response(body, init)).post(requestTo(1));

  test("that fails tells nothing of its error's text", async () => {
    const poster = createFetchPoster(() => Promise.reject(new Error("canary-8d1 internal error; reference = abc")));
    await expect(poster.post(requestTo(1))).rejects.toMatchObject({
      code: "upstream-unreachable",
      message: expect.not.stringContaining("canary"),
    });
  });

  test("whose body is one large piece gives 16 kB of it, and whose body fails gives what came", async () => {
    expect((await answer("x".repeat(1_000_000))).body).toHaveLength(16_384);
    let pulls = 0;
    const failing = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++pulls === 1) controller.enqueue(Buffer.from("half"));
        else controller.error(new Error("Gzip decompression failed."));
      },
    });
    expect(Buffer.from((await answer(failing)).body).toString()).toBe("half");
    expect((await answer(null, { status: 204 })).body).toHaveLength(0);
  });

  test("ends with its poster, which posts no more then", async () => {
    await using server = await startScripted(() => undefined);
    const poster = createFetchPoster((request) => fetch(request));
    const stopped = { code: "upstream-unreachable", message: expect.stringContaining("stopped") };
    const waiting = poster.post(requestTo(server.port));
    await until(() => server.received.length === 1);
    poster.close();
    await expect(waiting).rejects.toMatchObject(stopped);
    await expect(poster.post(requestTo(server.port))).rejects.toMatchObject(stopped);
    await until(() => server.open === 0);
    expect(server.received).toHaveLength(1);
  });

  test("is given no request that follows redirects", async () => {
    const asked: Request[] = [];
    const poster = createFetchPoster(async (request) => {
      asked.push(request);
      return new Response(null, { status: 307, headers: { Location: "http://127.0.0.1:1/" } });
    });
    expect(await poster.post(requestTo(1))).toMatchObject({ status: 307 });
    expect(asked.map(({ redirect, method }) => [redirect, method])).toEqual([["manual", "POST"]]);
  });
});
