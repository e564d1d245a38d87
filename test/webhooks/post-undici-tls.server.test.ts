import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { WebhookAnswer, WebhookPoster } from "../../src/mail/webhook.ts";
import { createUndiciPoster } from "../../src/webhooks/post-undici.ts";
import { type CertificateAuthority, makeCertificates } from "../servers/ca.ts";
import { answerOf, startScripted } from "./scripted.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-tls-"));
const trusted = getCACertificates("default");
let certificates: CertificateAuthority;
let poster: WebhookPoster;

beforeAll(async () => {
  certificates = await makeCertificates(join(directory, "ca"));
  setDefaultCACertificates([...trusted, certificates.ca]);
});
afterAll(() => {
  setDefaultCACertificates(trusted);
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  poster = createUndiciPoster();
});
afterEach(() => poster.close());

const start = (which: "valid" | "expired" | "wrongName" | "selfSigned", more: { maxVersion?: "TLSv1.1" } = {}) =>
  startScripted((socket) => void socket.write(answerOf("200 OK", "ok")), {
    tls: { cert: certificates[which].cert, key: certificates[which].key, ...more },
  });

/** By a name that no resolver knows: the address is given. */
const post = (port: number, host = "mail.postern.test"): Promise<WebhookAnswer> =>
  poster.post({
    url: new URL(`https://${host}:${port}/hook`),
    admitted: { address: "127.0.0.1", port, servername: host === "127.0.0.1" ? null : host },
    headers: {},
    body: "{}",
    timeoutMs: 5_000,
  });

test("the certificate is verified by the name in the URL, at the address that was admitted", async () => {
  await using server = await start("valid");
  for (const host of ["mail.postern.test", "mail.postern.test", "127.0.0.1"])
    expect(await post(server.port, host)).toMatchObject({ status: 200 });
  expect(server.received[0]?.head).toContain(`host: mail.postern.test:${server.port}`);
  expect(server.connections).toBe(2);
  await expect(post(server.port, "mail.elsewhere.test")).rejects.toMatchObject({
    code: "tls-verification-failed",
    message: "The TLS connection failed: the certificate is for another name.",
  });
  expect(server.received).toHaveLength(3);
});

test.each([
  ["expired", "the certificate has expired"],
  ["wrongName", "the certificate is for another name"],
  ["selfSigned", "the certificate is self-signed"],
] as const)("%s", async (which, reason) => {
  await using server = await start(which);
  await expect(post(server.port)).rejects.toMatchObject({
    code: "tls-verification-failed",
    message: `The TLS connection failed: ${reason}.`,
  });
  expect(server.received).toEqual([]);
});

test("an authority that nobody knows", async () => {
  const others = await makeCertificates(join(directory, "others"));
  await using server = await startScripted(() => undefined, {
    tls: { cert: others.valid.cert, key: others.valid.key },
  });
  await expect(post(server.port)).rejects.toMatchObject({
    message: "The TLS connection failed: the certificate's authority is unknown.",
  });
});

test("what is not TLS", async () => {
  await using server = await startScripted(() => undefined, {
    onConnection: (socket) => void socket.write("220 mail.example.org ESMTP\r\n"),
  });
  await expect(post(server.port)).rejects.toMatchObject({
    code: "tls-verification-failed",
    message: "The TLS connection failed: what answers there is not TLS.",
  });
});

test("a handshake that is cut or never ends", async () => {
  await using cut = await startScripted(() => undefined, { onConnection: (socket) => socket.destroy() });
  await expect(post(cut.port)).rejects.toMatchObject({ code: "upstream-unreachable" });
  await using mute = await startScripted(() => undefined);
  const request = { url: new URL(`https://x.test:${mute.port}/`), headers: {}, body: "", timeoutMs: 200 };
  const admitted = { address: "127.0.0.1", port: mute.port, servername: "x.test" };
  await expect(poster.post({ ...request, admitted })).rejects.toMatchObject({
    code: "upstream-timeout",
    message: "There was no connection to the webhook receiver in time.",
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(mute.open).toBe(0);
});

test("a kept connection that the receiver closes when the next request comes costs no delivery", async () => {
  await using server = await startScripted(
    (socket, { nth }) => (nth === 1 ? socket.write(answerOf("200 OK", "fine")) : socket.end()),
    { tls: { cert: certificates.valid.cert, key: certificates.valid.key } },
  );
  for (let round = 0; round < 3; round += 1) expect(await post(server.port)).toMatchObject({ status: 200 });
  expect(server.received.map(({ connection, nth }) => `${connection}.${nth}`)).toEqual([
    "1.1",
    "1.2",
    "2.1",
    "2.2",
    "3.1",
  ]);
});
