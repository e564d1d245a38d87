import { expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import { folderRoles } from "../../../src/mail/folder.ts";
import { profileOf, providerProfiles } from "../../../src/mail/provider-profile.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { loginRefused } from "../../../src/protocols/smtp/failures.ts";
import { answers, firstPage, openDialog, sentCredentials, startDialog } from "./dialog.ts";
import { fetchResponse, type Script } from "./scripted-imap.ts";

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Failure) return error;
  throw new Error("it did not fail as it should", { cause: error });
}

/** How each provider refuses a login, after the tag, by what is known of it; and what is told then. */
const refusedLogins: [id: string, host: string, said: string, detail: RegExp, fix: RegExp][] = [
  [
    "gmail",
    "imap.gmail.com",
    "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
    /user name or password/,
    /app password/,
  ],
  [
    "gmail",
    "imap.gmail.com",
    "NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
    /app password/,
    /myaccount\.google\.com\/apppasswords/,
  ],
  [
    "gmail",
    "imap.googlemail.com",
    "NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
    /web browser/,
    /sign in to Gmail/,
  ],
  [
    "gmail",
    "imap.gmail.com",
    "NO [WEBALERT https://accounts.google.com/x] Web login required.",
    /web browser/,
    /sign in/,
  ],
  ["outlook", "outlook.office365.com", "NO LOGIN failed.", /user name or password/, /OAuth only/],
  ["outlook", "Outlook.Office365.com.", "NO Basic authentication is disabled.", /only OAuth/, /no password that works/],
  [
    "yahoo",
    "imap.mail.yahoo.com",
    "NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials",
    /password/,
    /login\.yahoo\.com/,
  ],
  ["aol", "imap.aol.com", "NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials", /password/, /login\.aol\.com/],
  ["icloud", "imap.mail.me.com", "NO [AUTHENTICATIONFAILED] Authentication Failed", /password/, /app-specific/],
  [
    "qq",
    "imap.qq.com",
    "NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
    /QQ Mail refused/,
    /authorisation code/,
  ],
  ["netease", "imap.163.com", "NO LOGIN Login error or password error", /password/, /authorisation code/],
  ["netease", "imap.vip.126.com", "NO LOGIN Login error or password error", /password/, /authorisation code/],
  [
    "fastmail",
    "imap.fastmail.com",
    "NO [AUTHENTICATIONFAILED] Incorrect username or password.",
    /password/,
    /app password/,
  ],
  ["rambler", "imap.rambler.ru", "NO [AUTHENTICATIONFAILED] Authentication failed.", /password/, /mail\.rambler\.ru/],
  [
    "yandex",
    "imap.yandex.com",
    "NO [AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=abc",
    /IMAP is switched off/,
    /app password/,
  ],
  [
    "mailru",
    "imap.mail.ru",
    "NO [AUTHENTICATIONFAILED] NEOBHODIM parol prilozheniya / Application password is REQUIRED",
    /external applications/,
    /Security/,
  ],
  [
    "zoho",
    "imap.zoho.eu",
    "NO [ALERT] You are yet to enable IMAP for your account. (Failure)",
    /switched off/,
    /Mail Accounts/,
  ],
  ["zoho", "imappro.zoho.com", "NO [AUTHENTICATIONFAILED] Invalid credentials(Failure)", /password/, /region/],
  ["gmx", "imap.gmx.net", "NO authentication failed", /password/, /IMAP access on/],
  ["gmx", "imap.web.de", "NO authentication failed", /password/, /IMAP access on/],
];
for (const [id, host, said, detail, fix] of refusedLogins) {
  test(`${id}: "${said.slice(0, 60)}" tells what to do`, async () => {
    expect(profileOf(host)?.id).toBe(id);
    const { server, how } = await startDialog({ script: answers([/^LOGIN/, `<tag> ${said}\r\n`]) }, { host });
    const failure = await failureOf(openImap(how));
    expect(failure.code).toBe("account-authentication-failed");
    expect(failure.message).toMatch(detail);
    expect(failure.details.fix).toMatch(fix);
    expect(failure.details.upstream).toMatchObject({ host, phase: "login" });
    expect(server.commands.filter((command) => command.startsWith("LOGIN"))).toHaveLength(1);
  });
}

test("every profile is shown by a refused login", () => {
  expect(new Set(refusedLogins.map(([id]) => id))).toEqual(new Set(providerProfiles.map(({ id }) => id)));
});

/** How providers ask for time, wherever; and after how many seconds, where they say so. */
const throttlings: [host: string, command: RegExp, answer: string, retryAfter: number | undefined][] = [
  [
    "outlook.office365.com",
    /^LOGIN/,
    "<tag> BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds\r\n* BYE Connection closed. 14\r\n",
    90,
  ],
  [
    "outlook.office365.com",
    /^STATUS/,
    "<tag> NO Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n",
    300,
  ],
  ["outlook.office365.com", /^STATUS/, "* BYE Request is throttled. Suggested Backoff Time: 1000 milliseconds\r\n", 1],
  ["imap.gmail.com", /^STATUS/, "<tag> NO [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n", undefined],
  ["imap.gmail.com", /^LOGIN/, "* BYE Account exceeded bandwidth limits. (Failure)\r\n", undefined],
  ["imap.gmail.com", /^STATUS/, "<tag> NO [THROTTLED] System Error (Failure)\r\n", undefined],
];
for (const [host, command, answer, retryAfter] of throttlings) {
  test(`${host} asks for time by "${answer.trim().slice(0, 50)}"`, async () => {
    const { how } = await startDialog({ script: answers([command, answer]) }, { host });
    const failure = await failureOf(openImap(how).then((mailbox) => mailbox.status("Other")));
    expect(failure.code).toBe("upstream-throttled");
    expect(failure.details.retryAfter).toBe(retryAfter);
    expect(failure.retryable).toBe(true);
  });
}

test("gmail allows fifteen connections: the sixteenth is busy, not wrong", async () => {
  const said = "<tag> NO [ALERT] Too many simultaneous connections. (Failure)\r\n";
  const { how } = await startDialog({ script: answers([/^LOGIN/, said]) }, { host: "imap.gmail.com" });
  expect((await failureOf(openImap(how))).code).toBe("account-busy");
});

test("netease lets in who says its name after the login, and Postern does", async () => {
  let isNamed = false;
  const { mailbox, server } = await openDialog(
    {
      capability: "IMAP4rev1 ID",
      script: (command, tag) => {
        if (command.startsWith("LOGIN")) isNamed = false;
        if (command.startsWith('ID ("name" "Postern"')) isNamed = true;
        if (command.startsWith("ID")) return `* ID ("name" "Coremail" "version" "1")\r\n${tag} OK ID completed\r\n`;
        if (!command.startsWith("SELECT") || isNamed) return undefined;
        return `${tag} NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n`;
      },
    },
    { host: "imap.163.com" },
  );
  expect(mailbox.dead).toBe(false);
  const login = server.commands.findIndex((command) => command.startsWith("LOGIN"));
  const select = server.commands.findIndex((command) => command.startsWith("SELECT"));
  const named = server.commands.findIndex((command, index) => index > login && command.startsWith("ID "));
  expect(named).toBeGreaterThan(login);
  expect(named).toBeLessThan(select);
});

test("a name is never empty, and a server that does not take it is left in peace", async () => {
  const { server } = await openDialog({
    capability: "IMAP4rev1 ID",
    script: answers([/^ID/, "<tag> BAD ID what\r\n"]),
  });
  const ids = server.commands.filter((command) => command.startsWith("ID"));
  expect(ids.length).toBeGreaterThan(0);
  for (const id of ids) expect(id).toContain('"name" "Postern"');
});

test("netease still takes the login for unsafe: that is told at once, with what helps", async () => {
  const said = "<tag> NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n";
  const { how } = await startDialog({ script: answers([/^SELECT/, said]) }, { host: "imap.126.com" });
  const failure = await failureOf(openImap(how));
  expect(failure.code).toBe("account-authentication-failed");
  expect(failure.details.fix).toMatch(/kefu@188\.com/);
  expect(failure.details.upstream).toMatchObject({ phase: "SELECT" });
});

test("netease tells no news by NOOP, so the folder is selected again before it is listed", async () => {
  let arrived = 2;
  let visible = 0;
  const script: Script = (command, tag) => {
    if (command.startsWith("SELECT")) {
      visible = arrived;
      return `* ${visible} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n${tag} OK\r\n`;
    }
    const rows = [1, 2, 3].slice(0, visible).map((sequence) => fetchResponse(sequence, 10 + sequence));
    return /^(UID )?FETCH/.test(command) ? `${rows.join("")}${tag} OK\r\n` : undefined;
  };
  const { mailbox } = await openDialog({ script }, { host: "imap.163.com" });
  const list = async (): Promise<number[]> =>
    (await mailbox.list("INBOX", firstPage)).messages.map((message) => message.place.uid);
  expect(await list()).toEqual([12, 11]);
  arrived = 3;
  expect(await list()).toEqual([13, 12, 11]);
});

const hinted: [host: string, paths: string[], role: string, path: string][] = [
  ["imap.mail.yahoo.com", ["INBOX", "Bulk", "Draft"], "junk", "Bulk"],
  ["imap.aol.com", ["INBOX", "Bulk"], "junk", "Bulk"],
];
for (const [host, paths, role, path] of hinted) {
  test(`${host}: ${path} is the ${role} although the server does not say so`, async () => {
    const list = paths.map((name) => `* LIST () "/" "${name}"\r\n`).join("");
    const script = answers([/^LIST .*\*/, `${list}<tag> OK\r\n`]);
    const { mailbox } = await openDialog({ script }, { host });
    const others = await openDialog({ script: answers([/^LIST .*\*/, `${list}<tag> OK\r\n`]) });
    const roleOf = (folders: { path: string; role: string | null }[]): string | undefined =>
      folders.find((folder) => folder.role === role)?.path;
    expect(roleOf(await mailbox.folders())).toBe(path);
    expect(roleOf(await others.mailbox.folders())).toBeUndefined();
  });
}

test("what the server says of a folder counts more than the profile", async () => {
  const list = '* LIST () "/" INBOX\r\n* LIST (\\Junk) "/" "Mine"\r\n* LIST () "/" "Bulk"\r\n';
  const script = answers([/^LIST .*\*/, `${list}<tag> OK\r\n`]);
  const { mailbox } = await openDialog({ script }, { host: "imap.mail.yahoo.com" });
  expect((await mailbox.folders()).find(({ role }) => role === "junk")?.path).toBe("Mine");
});

const smtp: [host: string, code: number, text: string, fix: RegExp][] = [
  ["smtp.gmail.com", 534, "Application-specific password required", /apppasswords/],
  ["smtp.gmail.com", 535, "Username and Password not accepted", /app password/],
  ["smtp.office365.com", 535, "Authentication unsuccessful, basic authentication is disabled", /OAuth/],
  [
    "smtp.qq.com",
    535,
    "Login fail. Account is abnormal, service is not open, password is incorrect",
    /authorisation code/,
  ],
  ["smtp.mail.ru", 535, "NEOBHODIM parol prilozheniya", /Security/],
  ["smtp.example.org", 535, "Application-specific password required", /Store the current password/],
];
for (const [host, code, text, fix] of smtp) {
  test(`${host} refuses a login with "${text.slice(0, 40)}": the same profile tells what to do`, () => {
    const failure = loginRefused({ code, enhancedCode: null, text }, { host, phase: "login" });
    expect(failure.code).toBe("account-authentication-failed");
    expect(failure.details.fix).toMatch(fix);
  });
}

test("a provider's words mean nothing on another server", async () => {
  const said = "NO [ALERT] Application-specific password required (Failure)";
  for (const host of ["mail.example.org", "imap.gmail.com.example.org", "ximap.gmail.com", "163.com"]) {
    expect(profileOf(host)).toBeNull();
    const { how } = await startDialog({ script: answers([/^LOGIN/, `<tag> ${said}\r\n`]) }, { host });
    expect((await failureOf(openImap(how))).details.fix).toMatch(/Store the current password/);
  }
});

test("a profile changes neither where we connect nor how securely", async () => {
  const known = [
    "id",
    "hosts",
    "passwordFix",
    "refusals",
    "roleHints",
    "noopTellsNews",
    "filesSentCopy",
    "maxPerMinute",
  ];
  for (const profile of providerProfiles) {
    expect(Object.keys(profile).every((key) => known.includes(key))).toBe(true);
    expect(Object.keys(profile.roleHints).every((role) => (folderRoles as readonly string[]).includes(role))).toBe(
      true,
    );
    // Sentences for people, that name no place but a public one.
    for (const { fix } of [...profile.refusals, { fix: profile.passwordFix }]) expect(fix).toMatch(/\.$/);
    const host = (profile.hosts[0] ?? "").replace(/^\./, "imap.");
    const { server, how } = await startDialog({}, { host, security: "starttls" });
    expect((await failureOf(openImap(how))).code).toBe("tls-verification-failed");
    expect(sentCredentials(server)).toBe(false);
  }
});

test("no host belongs to two providers", () => {
  for (const { id, hosts } of providerProfiles) {
    for (const host of hosts) expect(profileOf(host.replace(/^\./, "imap."))?.id).toBe(id);
  }
});
