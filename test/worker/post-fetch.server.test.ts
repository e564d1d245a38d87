import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebhookAnswer, WebhookPoster } from "../../src/mail/webhook.ts";
import { type CertificateAuthority, makeCertificates } from "../servers/ca.ts";
import { makeScratch, removeScratch } from "../servers/scratch.ts";
import { posterContract } from "../webhooks/poster-contract.ts";
import { requestTo, until } from "../webhooks/posting.ts";
import { answerOf, startScripted } from "../webhooks/scripted.ts";
import { type Lines, startLines } from "./start-lines.ts";

const directory = makeScratch();
let certificates: CertificateAuthority;
let lines: Lines;

beforeAll(async () => {
  certificates = await makeCertificates(`${directory}/certificates`);
  lines = await startLines({ caPath: certificates.caPath });
}, 60_000);

afterAll(async () => {
  await lines?.stop();
  removeScratch(directory);
});

/** Each request is posted by a poster of its own, inside workerd. */
const inWorkerd = (): WebhookPoster => ({
  async post({ url, ...request }) {
    const answer = (await lines.post({ ...request, url: url.href })) as Omit<WebhookAnswer, "body"> & { body: string };
    return { ...answer, body: Buffer.from(answer.body, "base64") };
  },
  close() {},
});

posterContract({
  open: inWorkerd,
  tellsNoCause: "workerd's fetch tells no cause",
  pinsNothing: "workerd looks names up itself",
  unpacks: "workerd unpacks",
  hidesInterim: "workerd tells of no interim answers",
  keepsConnections: false,
});

const start = (which: "valid" | "expired" | "wrongName" | "selfSigned") =>
  startScripted((socket) => void socket.write(answerOf("200 OK", "ok")), {
    tls: { cert: certificates[which].cert, key: certificates[which].key },
  });
const over = (host: string, port: number) =>
  inWorkerd().post(requestTo(port, { url: new URL(`https://${host}:${port}/`) }));

test("a certificate for the name in the URL is good", async () => {
  await using server = await start("valid");
  for (const host of ["localhost", "127.0.0.1"]) expect(await over(host, server.port)).toMatchObject({ status: 200 });
  expect(server.received).toHaveLength(2);
});

test.each(["expired", "wrongName", "selfSigned"] as const)("%s: nothing is posted", async (which) => {
  await using server = await start(which);
  for (const host of ["localhost", "127.0.0.1"])
    await expect(over(host, server.port)).rejects.toMatchObject({ code: "upstream-unreachable" });
  expect(server.received).toEqual([]);
});

test("a handshake that never ends is given up in time", async () => {
  await using mute = await startScripted(() => undefined);
  const url = new URL(`https://127.0.0.1:${mute.port}/`);
  await expect(inWorkerd().post(requestTo(mute.port, { url, timeoutMs: 200 }))).rejects.toMatchObject({
    code: "upstream-timeout",
  });
  await until(() => mute.open === 0);
});
