import { expect, onTestFinished, test, vi } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { createFakeClock } from "../../fake-clock.ts";
import { answers, floods, openDialog, sentCredentials, startDialog } from "./dialog.ts";
import type { Dialog } from "./scripted-imap.ts";
import { failureOf } from "./session-on-dovecot.ts";

/** What keeps the password from being sent, and how that is told. */
const suspicious: [what: string, dialog: Dialog, security: "starttls" | "none", code: string][] = [
  ["STARTTLS is not announced", {}, "starttls", "tls-verification-failed"],
  [
    "STARTTLS is announced by the greeting and gone when asked",
    { greeting: "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", script: answers([/^STARTTLS/, "<tag> BAD what\r\n"]) },
    "starttls",
    "tls-verification-failed",
  ],
  [
    "STARTTLS is answered with NO",
    { capability: "IMAP4rev1 STARTTLS", script: answers([/^STARTTLS/, "<tag> NO not now\r\n"]) },
    "starttls",
    "tls-verification-failed",
  ],
  [
    "the OK of STARTTLS is followed by clear text",
    {
      capability: "IMAP4rev1 STARTTLS",
      script: answers([/^STARTTLS/, "<tag> OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"]),
    },
    "starttls",
    "upstream-protocol-error",
  ],
  [
    "a capability is injected before the OK of STARTTLS, and garbage follows",
    {
      capability: "IMAP4rev1 STARTTLS",
      script: (command, tag, socket) => {
        if (command !== "STARTTLS") return undefined;
        setTimeout(() => socket.write("* OK this is no TLS record\r\n"), 20);
        return `* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n${tag} OK go\r\n`;
      },
    },
    "starttls",
    "tls-verification-failed",
  ],
  [
    "the line is cut in the TLS handshake",
    {
      capability: "IMAP4rev1 STARTTLS",
      script: (command, tag, socket) => {
        if (command !== "STARTTLS") return undefined;
        setTimeout(() => socket.destroy(), 20);
        return `${tag} OK go\r\n`;
      },
    },
    "starttls",
    "upstream-unreachable",
  ],
  ["PREAUTH skips STARTTLS", { greeting: "* PREAUTH in\r\n" }, "starttls", "tls-verification-failed"],
  ["PREAUTH skips the login", { greeting: "* PREAUTH in\r\n" }, "none", "upstream-protocol-error"],
  [
    "PREAUTH comes with a list of capabilities",
    { greeting: "* PREAUTH [CAPABILITY IMAP4rev1 AUTH=PLAIN] in\r\n" },
    "none",
    "upstream-protocol-error",
  ],
  ["LOGINDISABLED is announced", { capability: "IMAP4rev1 LOGINDISABLED" }, "none", "refused-by-server"],
  ["the greeting is BYE", { greeting: "* BYE not today\r\n" }, "none", "upstream-unreachable"],
  [
    "the greeting is BYE for there are too many",
    { greeting: "* BYE Too many connections from your host\r\n" },
    "none",
    "account-busy",
  ],
  ["the greeting is BYE for a while", { greeting: "* BYE [UNAVAILABLE] later\r\n" }, "none", "upstream-throttled"],
  [
    "the greeting is BYE and says how long",
    { greeting: "* BYE Request is throttled. Suggested Backoff Time: 61000 milliseconds\r\n" },
    "none",
    "upstream-throttled",
  ],
  ["the greeting never ends its line", { greeting: "x".repeat(4_300_000) }, "none", "upstream-protocol-error"],
  [
    "the greeting announces a literal of 2 GiB",
    { greeting: "* OK {2147483648}\r\n" },
    "none",
    "upstream-protocol-error",
  ],
  [
    "capabilities never end",
    { script: floods(/^CAPABILITY/, `* CAPABILITY ${"IMAP4rev1 ".repeat(9_000)}`) },
    "none",
    "upstream-protocol-error",
  ],
];
for (const [what, dialog, security, code] of suspicious) {
  test(`sends no password where ${what}`, async () => {
    const { server, how } = await startDialog(dialog, { security });
    const failure = await failureOf(openImap(how));
    expect(failure.code).toBe(code);
    expect(sentCredentials(server)).toBe(false);
    expect(JSON.stringify(failure)).not.toContain("canary");
  });
}

test("tells how long a server wants to be left alone, up to a day", async () => {
  const wait = async (greeting: string) => {
    const { how } = await startDialog({ greeting });
    const error: unknown = await openImap(how).catch((thrown: unknown) => thrown);
    return (error as { details: { retryAfter?: number } }).details.retryAfter;
  };
  expect(await wait("* BYE Request is throttled. Suggested Backoff Time: 61500 milliseconds\r\n")).toBe(62);
  expect(await wait("* BYE Request is throttled. Suggested Backoff Time: 999999999 milliseconds\r\n")).toBe(86_400);
});

test("gives up on a greeting that comes an octet at a time", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  let drip = (): void => {};
  const { server, how } = await startDialog(
    { greeting: null, meet: (socket) => (drip = () => void socket.write("*")) },
    { clock: createFakeClock() },
  );
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const outcome = { over: false };
  const failed = failureOf(openImap(how)).finally(() => (outcome.over = true));
  await server.connected;
  while (vi.getTimerCount() === 0) await settle();
  let tenths = 0;
  for (; !outcome.over && tenths < 150; tenths++) {
    drip();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(tenths).toBeGreaterThan(95);
  expect(tenths).toBeLessThan(110);
  expect((await failed).code).toBe("upstream-timeout");
  expect(sentCredentials(server)).toBe(false);
});

test("believes what a server says it can do only as far as it does it", async () => {
  const every =
    "IMAP4rev1 ID ENABLE CONDSTORE QRESYNC NAMESPACE UIDPLUS MOVE OBJECTID LIST-EXTENDED LIST-STATUS SPECIAL-USE ESEARCH IDLE COMPRESS=DEFLATE UTF8=ACCEPT LITERAL+ X-GM-EXT-1";
  const { mailbox, server } = await openDialog({
    capability: every,
    script: answers(
      [/^(ID|ENABLE|NAMESPACE|COMPRESS|IDLE|NOTIFY)/, "<tag> BAD unknown command\r\n"],
      [/^LIST .*RETURN/, "<tag> BAD too many arguments\r\n"],
      [/^LIST/, '* LIST () "/" INBOX\r\n<tag> OK\r\n'],
      [/^STATUS .*MAILBOXID/, "<tag> BAD MAILBOXID\r\n"],
    ),
  });
  expect(await mailbox.folders()).toMatchObject([{ path: "INBOX", role: "inbox" }]);
  expect(mailbox.dead).toBe(false);
  expect(server.commands.some((command) => /^(ENABLE|COMPRESS|IDLE)/.test(command))).toBe(false);
});

test("answers nonsense in the middle of the login with a failure, not with more of the password", async () => {
  const { server, how } = await startDialog({
    capability: "IMAP4rev1 AUTH=LOGIN",
    script: (command, tag, socket) => {
      if (command.startsWith("AUTHENTICATE")) return "+ \u0000\u0007 not base64 at all\r\n";
      if (tag === "" && server.heard.at(-1) === "*") {
        socket.write(`${server.heard.find((line) => line.includes("AUTHENTICATE"))?.split(" ")[0]} BAD cancelled\r\n`);
        return "";
      }
      return undefined;
    },
  });
  expect((await failureOf(openImap(how))).code).toBe("account-authentication-failed");
  expect(server.heard).toContain("*");
  expect(server.heard.join()).not.toContain(Buffer.from("a-canary-password").toString("base64"));
});

test("sends a password once, however often it is asked for", async () => {
  const clock = createFakeClock();
  const { server, how } = await startDialog(
    { capability: "IMAP4rev1 AUTH=PLAIN", script: (_command, tag) => (tag === "" ? "" : undefined) },
    { clock },
  );
  server.setScript((command, tag) =>
    command.startsWith("AUTHENTICATE") ? "+ \r\n+ \r\n" : tag === "" ? "" : undefined,
  );
  const failed = failureOf(openImap(how));
  await expect.poll(() => server.heard.length).toBeGreaterThan(2);
  await clock.advance(60_000);
  expect((await failed).code).toBe("upstream-timeout");
});

const echo = (line: string): string => line.replace(/[\r\n]/g, "");
const echoes: [what: string, dialog: (heard: () => string) => Dialog, whenOpen: boolean][] = [
  [
    "in the words of a refused login",
    () => ({ script: (command, tag) => (command.startsWith("LOGIN") ? `${tag} NO ${echo(command)}\r\n` : undefined) }),
    false,
  ],
  [
    "in the response code of a refused login",
    () => ({
      script: (command, tag) => (command.startsWith("LOGIN") ? `${tag} NO [A-CANARY-PASSWORD] no\r\n` : undefined),
    }),
    false,
  ],
  [
    "split by white space and pushed to the end of a long line",
    () => ({
      script: (command, tag) =>
        command.startsWith("LOGIN") ? `${tag} NO ${"x".repeat(490)} a-canary-password\r\n` : undefined,
    }),
    false,
  ],
  ["in a BYE", () => ({ script: answers([/^LOGIN/, "* BYE wrong: A-Canary-Password\r\n"]) }), false],
  [
    "in the refusal of a later command",
    () => ({ script: answers([/^STATUS/, "<tag> NO a-canary-password\r\n"]) }),
    true,
  ],
  [
    "in the response code of a later command",
    () => ({ script: answers([/^STATUS/, "<tag> NO [A-CANARY-PASSWORD]\r\n"]) }),
    true,
  ],
  ["in a later BYE", () => ({ script: answers([/^STATUS/, "* BYE a-canary-password\r\n"]) }), true],
  [
    "in base64",
    () => ({
      script: answers([/^STATUS/, `<tag> BAD ${Buffer.from("\0someone\0a-canary-password").toString("base64")}\r\n`]),
    }),
    true,
  ],
];
for (const [where, dialog, whenOpen] of echoes) {
  test(`quotes no server that echoes the password ${where}`, async () => {
    const written: unknown[] = [];
    const log = { write: (...line: unknown[]) => void written.push(line) };
    const { server, how } = await startDialog(
      dialog(() => server.heard.at(-1) ?? ""),
      { log },
    );
    const opened = openImap(how);
    const failure = await failureOf(whenOpen ? opened.then((mailbox) => mailbox.status("Other")) : opened);
    if (whenOpen) await (await opened).close();
    const told = JSON.stringify([failure, written]).toLowerCase();
    expect(sentCredentials(server)).toBe(true);
    expect(told).not.toContain("canary");
    expect(told).not.toContain(Buffer.from("a-canary-password").toString("base64").slice(0, 12).toLowerCase());
  });
}

test("logs that a server has an alert, once, and not what it says", async () => {
  const written: unknown[] = [];
  const log = { write: (...line: unknown[]) => void written.push(line) };
  const { mailbox } = await openDialog(
    { script: answers([/^STATUS/, "* OK [ALERT] secret words\r\n".repeat(9) + "<tag> NO x\r\n"]) },
    { log },
  );
  await failureOf(mailbox.status("Other"));
  expect(written).toEqual([["warn", "imap.alert", { host: "localhost" }]]);
});
