import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

import type { Case } from "../frame/case.ts";
import { peakFigure } from "../frame/figure.ts";
import type { Target } from "../frame/http.ts";
import { forgetPeak, memoryOf } from "../frame/postern.ts";
import { alternate, median, medianOf, ratio } from "../frame/rounds.ts";

const mega = 1e6;
const size = 100 * mega;
const larger = 400 * mega;

/**
 * 100 MB are uploaded in pieces, without a length told before; bare is a server that throws them away. Then once 400 MB, to see whether
 * memory grows with what is uploaded.
 */
export const upload: Case = {
  name: "upload",
  async run(plain) {
    const world = await plain.another({ POSTERN_MAX_MESSAGE: String(larger) });
    const blackHole = createServer((incoming, response) => {
      incoming.resume().on("end", () => response.writeHead(201).end());
    }).listen(0, "127.0.0.1");
    await once(blackHole, "listening");
    const bare = { host: "127.0.0.1", port: (blackHole.address() as AddressInfo).port, appKey: "" };
    try {
      const auth = { type: "password", username: "ann", password: "a-password" };
      const outgoing = { protocol: "smtp", host: "127.0.0.1", port: 465, security: "tls", auth };
      const account = await world.store({ email: "ann@postern.test", outgoing, verify: false });
      const path = `${account}/uploads?filename=large.bin`;
      await post(world.postern, path, 5 * mega);
      const { pid } = world.postern;
      const before = memoryOf(pid).now;
      forgetPeak(pid);
      const speed = (target: Target) => async (): Promise<number> => {
        const start = performance.now();
        await post(target, path, size);
        return size / mega / ((performance.now() - start) / 1000);
      };
      const rounds = await alternate(world.scale.quick ? 3 : 5, { ours: speed(world.postern), bare: speed(bare) });
      const { peak } = memoryOf(pid);
      forgetPeak(pid);
      await post(world.postern, path, larger);
      const largerPeak = memoryOf(pid).peak;
      const what = "upload of 100 MB";
      return [
        {
          what,
          unit: "MB/s",
          ours: median(rounds.ours),
          bare: median(rounds.bare),
          bareIs: "a node:http server that keeps nothing",
          compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
          goal: null,
        },
        peakFigure(what, { peak, before, beforeIs: "RSS before" }, null),
        peakFigure(
          "upload of 400 MB",
          { peak: largerPeak, before: peak, beforeIs: "peak with 100 MB" },
          { atMost: 64 },
        ),
      ];
    } finally {
      blackHole.close();
      await world.stop();
    }
  },
};

const piece = Buffer.alloc(64 * 1024, "0123456789abcdef");

/** Sends so many octets as fast as they are taken; fails when the answer is another than 201. */
async function post({ host, port, appKey }: Target, path: string, octets: number): Promise<void> {
  const headers = { Authorization: `Bearer ${appKey}`, "Content-Type": "application/octet-stream" };
  const sending = request({ host, port, path, method: "POST", headers });
  const answered = once(sending, "response") as Promise<[IncomingMessage]>;
  for (let left = octets; left > 0; left -= piece.length) {
    if (!sending.write(piece.subarray(0, left))) await Promise.race([once(sending, "drain"), answered]);
  }
  sending.end();
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  if (response.statusCode !== 201)
    throw new Error(`POST ${path} answered ${response.statusCode}: ${Buffer.concat(chunks).toString()}`);
}
