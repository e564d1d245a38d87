import { afterEach, expect, test } from "vitest";
import { profileOf } from "../../../src/mail/provider-profile.ts";
import { failureOf } from "../failure-of.ts";
import { makeMaildropBench } from "./maildrop-bench.ts";
import { openMaildrop } from "../../../src/protocols/pop3/open-maildrop.ts";
import { type Dialog, target, usualCapa } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

/** What opening a maildrop fails with, on a server that goes by the host's name and answers like this. */
async function refused(host: string, answers: Dialog["answers"]) {
  const { server, kept } = await bench.serve({
    capa: usualCapa.filter((name) => name !== "AUTH-RESP-CODE"),
    ...(answers && { answers }),
  });
  const failure = await failureOf(openMaildrop({ ...target(server.port, { host }), kept, log: { write() {} } }));
  await server.ended();
  return { failure, heard: server.heard };
}

test.for([
  ["gmail", "pop.gmail.com", "[AUTH] Username and password not accepted.", /app password/],
  ["gmail", "pop.gmail.com", "[AUTH] Application-specific password required: https://x.test/", /apppasswords/],
  ["gmail", "pop.gmail.com", "[AUTH] Web login required: https://x.test/", /browser/],
  ["outlook", "outlook.office365.com", "Logon failure: unknown user name or bad password.", /OAuth only/],
  ["outlook", "pop-mail.outlook.com", "Basic authentication is disabled.", /no password that works/],
  ["yahoo", "pop.mail.yahoo.com", "[AUTH] (#MBR1212) Incorrect username or password.", /login\.yahoo\.com/],
  ["aol", "pop.aol.com", "[AUTH] Incorrect username or password.", /login\.aol\.com/],
  ["qq", "pop.qq.com", "Login fail. Account is abnormal, service is not open", /POP3\/SMTP/],
  ["netease", "pop.163.com", "Unable to log on", /authorisation code/],
  ["fastmail", "pop.fastmail.com", "[AUTH] Incorrect username or password.", /app password/],
  ["rambler", "pop.rambler.ru", "[AUTH] Authentication failed.", /mail\.rambler\.ru/],
  ["yandex", "pop.yandex.com", "[AUTH] login failure or POP3 disabled, try later. sc=x", /Switch POP3 on/],
  ["mailru", "pop.mail.ru", "NEOBHODIM parol prilozheniya / Application password is REQUIRED", /Security/],
  ["zoho", "pop.zoho.eu", "[AUTH] Invalid credentials", /region/],
  ["gmx", "pop.gmx.net", "[AUTH] Authentication failed", /POP3 and IMAP access on/],
  ["gmx", "pop3.web.de", "Authentication failed", /15 minutes/],
] as const)("%s: a login at %s that is refused with %j tells what to do", async ([id, host, said, fix]) => {
  expect(profileOf(host)?.id).toBe(id);
  const { failure, heard } = await refused(host, { AUTH: `-ERR ${said}\r\n` });
  expect(failure.code).toBe("account-authentication-failed");
  expect(failure.details.fix).toMatch(fix);
  expect(failure.details.upstream).toMatchObject({ protocol: "pop3", host, phase: "login" });
  expect(heard.filter((line) => /^(AUTH|USER|PASS)/.test(line))).toHaveLength(1);
});

test.for(["pop.gmail.com", "pop.mail.yahoo.com"])("%s lets in, and says then that POP is off", async (host) => {
  const said = "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your settings page\r\n";
  for (const answers of [{ STAT: said }, { AUTH: said }]) {
    const { failure } = await refused(host, answers);
    expect(failure.code).toBe("refused-by-server");
    expect(failure.message).toMatch(/POP3 is switched off/);
    expect(failure.details.fix).toMatch(/switch POP on/);
  }
});

test("outlook's limit of logins is no wrong password, and says how long to wait", async () => {
  const said =
    "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server.";
  const { failure } = await refused("outlook.office365.com", { AUTH: `${said}\r\n` });
  expect([failure.code, failure.details.retryAfter]).toEqual(["upstream-throttled", 900]);
});
