import { expect, test } from "vitest";
import type { Connection } from "../../../src/net/connection.ts";
import { startTls } from "../../../src/protocols/smtp/start-tls.ts";
import { failureOf } from "../failure-of.ts";

type Said = (string | Error)[];

/** A line that says these pieces, each when it is asked for one, and ends then. */
function fake(said: Said, secures?: () => Promise<Connection>) {
  const heard: string[] = [];
  let at = 0;
  const connection: Connection = {
    async read() {
      const next = said[at++];
      if (next instanceof Error) throw next;
      return next === undefined ? null : Buffer.from(next, "latin1");
    },
    async write(octets) {
      heard.push(Buffer.from(octets).toString());
    },
    unread: 0,
    lost: false,
    async startTls() {
      heard.push("(TLS)");
      return secures === undefined ? connection : secures();
    },
    destroy() {},
  };
  return { connection, heard };
}

const where = () => ({ host: "mx.example.org", phase: "greeting" });
const usual = ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"];

test.each([
  ["whole", usual],
  ["octet by octet", usual.flatMap((said) => Array.from(said))],
  [
    "of many lines, with empty ones before",
    ["\r\n220-mx\r\n220-mx\r\n220 mx\r\n", "\r\n250-mx\r\n250 x\r\n", "220\r\n"],
  ],
  ["with empty lines behind", ["220 mx\r\n\r\n", "250 x\r\n\r\n", "220 go\r\n"]],
  ["with bare line feeds", ["220 mx\n", "250 x\n", "220 go\n"]],
])("replies %s lead to TLS", async (_, said) => {
  const { connection, heard } = fake(said);
  expect(await startTls(connection, "[192.0.2.1]", where())).toBe(connection);
  expect(heard).toEqual(["EHLO [192.0.2.1]\r\n", "STARTTLS\r\n", "(TLS)"]);
});

test.each<[string, Said, string, string]>([
  ["a reply after the answer", [...usual.slice(0, 2), "220 go\r\n250 in\r\n"], "tls-verification-failed", "tls"],
  ["an octet after the answer", [...usual.slice(0, 2), "220 go\r\n2"], "tls-verification-failed", "tls"],
  ["an empty line after the answer", [...usual.slice(0, 2), "220 go\r\n\r\n"], "tls-verification-failed", "tls"],
  ["an answer before EHLO", ["220 mx\r\n250 x\r\n", "220 go\r\n"], "upstream-protocol-error", "greeting"],
  ["an answer before STARTTLS", ["220 mx\r\n", "250 x\r\n220 go\r\n"], "upstream-protocol-error", "tls"],
  ["no EHLO", ["220 mx\r\n", "502 5.5.1 what?\r\n"], "refused-by-server", "greeting"],
  ["an EHLO for later", ["220 mx\r\n", "421 4.3.2 later\r\n"], "upstream-throttled", "greeting"],
  ["no STARTTLS", [...usual.slice(0, 2), "502 what?\r\n"], "tls-verification-failed", "tls"],
  ["354 to STARTTLS", [...usual.slice(0, 2), "354 go\r\n"], "tls-verification-failed", "tls"],
  ["words", ["hello\r\n"], "upstream-protocol-error", "greeting"],
  ["a greeting by 250", ["250 mx\r\n"], "upstream-protocol-error", "greeting"],
  ["a line without end", Array.from({ length: 100 }, () => "2".repeat(1_000)), "upstream-protocol-error", "greeting"],
  ["lines without end", Array.from({ length: 100_000 }, () => "220-\r\n"), "upstream-protocol-error", "greeting"],
  ["empty lines without end", Array.from({ length: 100_000 }, () => "\r\n"), "upstream-protocol-error", "greeting"],
  ["its leave", ["220 mx\r\n"], "upstream-unreachable", "greeting"],
  ["an empty line in the midst", ["220-mx\r\n\r\n220 mx\r\n"], "upstream-protocol-error", "greeting"],
  ["a line that is lost", ["220 mx\r\n", new Error("Network connection lost.")], "upstream-unreachable", "greeting"],
])("%s is no way to TLS", async (_, said, code, phase) => {
  const { connection, heard } = fake(said);
  expect(await failureOf(startTls(connection, "[192.0.2.1]", where()))).toMatchObject({
    code,
    details: { upstream: { phase, host: "mx.example.org" } },
  });
  expect(heard).not.toContain("(TLS)");
});

test("TLS that fails is told as that, whatever the runtime says", async () => {
  const { connection } = fake(usual, () => Promise.reject(new Error("internal error; reference = canary")));
  const failure = await failureOf(startTls(connection, "[192.0.2.1]", where()));
  expect(failure).toMatchObject({ code: "tls-verification-failed", details: { upstream: { phase: "tls" } } });
  expect(failure.message).not.toContain("canary");
});

test("a refusal's words are told as they were said", async () => {
  const { connection } = fake([Buffer.from("554-5.7.1 Grüße\r\n554 5.7.1 nein\r\n").toString("latin1")]);
  expect(await failureOf(startTls(connection, "[192.0.2.1]", where()))).toMatchObject({
    code: "refused-by-server",
    details: { upstream: { status: 554, responseCode: "5.7.1", text: "Grüße nein" } },
  });
});
