import { afterAll, beforeAll, expect, test } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { type CertificateAuthority, makeCertificates } from "../../servers/ca.ts";
import { makeScratch, removeScratch } from "../../servers/scratch.ts";
import { answers, sentCredentials, startDialog } from "./dialog.ts";
import type { Dialog } from "./scripted-imap.ts";
import { failureOf } from "./session-on-dovecot.ts";

let scratch: string;
let certificates: CertificateAuthority;
beforeAll(async () => {
  scratch = makeScratch();
  certificates = await makeCertificates(`${scratch}/certificates`);
});
afterAll(() => removeScratch(scratch));

async function openOverTls(dialog: Dialog, which: "valid" | "expired" | "wrongName" | "selfSigned" = "valid") {
  const { server, how } = await startDialog({ ...dialog, tls: certificates[which] });
  const login = { ...how.login, security: "tls" as const, tls: { ca: certificates.ca, servername: null } };
  return { server, opened: openImap({ ...how, login }) };
}

test("a verified server that speaks IMAP is logged in to", async () => {
  const { server, opened } = await openOverTls({});
  await (await opened).close();
  expect(sentCredentials(server)).toBe(true);
});

const refused: [what: string, dialog: Dialog, code: string][] = [
  ["greets with PREAUTH", { greeting: "* PREAUTH welcome back\r\n" }, "upstream-protocol-error"],
  ["has disabled the login", { capability: "IMAP4rev1 LOGINDISABLED" }, "refused-by-server"],
  ["greets with BYE", { greeting: "* BYE [UNAVAILABLE] later\r\n" }, "upstream-throttled"],
];
for (const [what, dialog, code] of refused) {
  test(`a verified server that ${what} gets no password`, async () => {
    const { server, opened } = await openOverTls(dialog);
    expect((await failureOf(opened)).code).toBe(code);
    expect(sentCredentials(server)).toBe(false);
  });
}

for (const which of ["expired", "wrongName", "selfSigned"] as const) {
  test(`a server with a certificate that is ${which} gets not even a command`, async () => {
    const { server, opened } = await openOverTls({}, which);
    expect((await failureOf(opened)).code).toBe("tls-verification-failed");
    expect(server.heard).toEqual([]);
  });
}

test("a server that speaks no TLS on the TLS port gets nothing to read", async () => {
  const { server, how } = await startDialog({ script: answers() });
  const login = { ...how.login, security: "tls" as const };
  expect((await failureOf(openImap({ ...how, login }))).code).toBe("tls-verification-failed");
  expect(server.heard.join()).not.toContain("canary");
});
