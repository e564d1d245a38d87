import { createServer } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { createFakeClock } from "../../fake-clock.ts";
import { type Dialog, type ScriptedImap, scriptedTarget, startScripted } from "./scripted-imap.ts";
import { failureOf } from "./session-on-dovecot.ts";

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function start(dialog: Dialog): Promise<ScriptedImap> {
  const server = await startScripted(dialog);
  running.push(server);
  return server;
}

function sentCredentials({ commands }: ScriptedImap): boolean {
  return commands.some((command) => /^(LOGIN|AUTHENTICATE)/i.test(command) || command.includes("canary"));
}

test("logs in and selects the inbox", async () => {
  const server = await start({});
  const mailbox = await openImap(scriptedTarget(server));
  expect(mailbox.capabilities()).toMatchObject({ keywords: true, push: "poll", search: "server" });
  await mailbox.close();
  expect(server.commands).toContain("LOGOUT");
  expect(mailbox.dead).toBe(true);
});

test("says who it is after the login", async () => {
  const server = await start({
    capability: "IMAP4rev1 ID",
    script: (command, tag) =>
      command.startsWith("ID") ? `* ID ("name" "Strict" "version" "1")\r\n${tag} OK done\r\n` : undefined,
  });
  await (await openImap(scriptedTarget(server))).close();
  const login = server.commands.findIndex((command) => command.startsWith("LOGIN"));
  const after = server.commands.slice(login).filter((command) => command.startsWith("ID"));
  expect(after.join()).toContain("Postern");
});

const refusedLogins = [
  ["NO [AUTHENTICATIONFAILED] wrong", "account-authentication-failed"],
  ["NO invalid credentials", "account-authentication-failed"],
  ["NO [UNAVAILABLE] later", "upstream-throttled"],
  ["NO [LIMIT] enough", "account-busy"],
  ["NO [INUSE] mailbox", "account-busy"],
  ["NO Too many simultaneous connections", "account-busy"],
  ["NO Temporary authentication failure", "upstream-throttled"],
  ["BYE go away", "upstream-unreachable"],
] as const;
for (const [answer, code] of refusedLogins) {
  test(`tells "${answer}" at the login as ${code}`, async () => {
    const server = await start({
      script: (command, tag) => {
        if (!command.startsWith("LOGIN")) return undefined;
        return answer.startsWith("BYE") ? `* ${answer}\r\n` : `${tag} ${answer}\r\n`;
      },
    });
    const failure = await failureOf(openImap(scriptedTarget(server)));
    expect(failure.code).toBe(code);
    expect(JSON.stringify(failure)).not.toContain("canary");
    expect(server.commands.filter((command) => command.startsWith("LOGIN"))).toHaveLength(1);
  });
}

test("tells a refused connection from a failed login", async () => {
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  const port = typeof address === "object" && address ? address.port : 0;
  const failure = await failureOf(openImap(scriptedTarget({ port })));
  expect(failure).toMatchObject({ code: "upstream-unreachable", upstream: { phase: "connect", host: "localhost" } });
});

test("gives up on a login that is never answered", async () => {
  const clock = createFakeClock();
  const server = await start({ script: (command) => (command.startsWith("LOGIN") ? "" : undefined) });
  const failed = failureOf(openImap({ ...scriptedTarget(server), clock }));
  await expect.poll(() => server.commands.some((command) => command.startsWith("LOGIN"))).toBe(true);
  await clock.advance(60_000);
  expect((await failed).code).toBe("upstream-timeout");
});

test("waits 10 seconds for a greeting", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const clock = createFakeClock();
    const server = await start({ greeting: null });
    let isOver = false;
    const failed = failureOf(openImap({ ...scriptedTarget(server), clock })).finally(() => (isOver = true));
    await server.connected;
    // The client may hear of the connection later than the server.
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(9_900);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(await failed).toMatchObject({ code: "upstream-timeout", upstream: { phase: "greeting" } });
    expect(sentCredentials(server)).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test("takes no own authority where the runtime opens the sockets", async () => {
  const server = await start({});
  const options = scriptedTarget(server);
  const login = { ...options.login, tls: { ca: "PEM", servername: null } };
  const transport = {
    connect: () => {
      throw new Error("must not connect");
    },
  };
  expect((await failureOf(openImap({ ...options, login, transport }))).code).toBe("unsupported-by-runtime");
});

test("refuses an authority that is no PEM", async () => {
  const server = await start({});
  const options = scriptedTarget(server);
  const login = {
    ...options.login,
    tls: { ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", servername: null },
  };
  expect((await failureOf(openImap({ ...options, login }))).code).toBe("validation-failed");
});
