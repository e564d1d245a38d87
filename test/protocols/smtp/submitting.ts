import { afterEach } from "vitest";
import type { Submitter, SubmitOptions } from "../../../src/mail/submitter.ts";
import { type SmtpDeadlines, smtpDeadlines } from "../../../src/protocols/smtp/deadlines.ts";
import { openSubmitter } from "../../../src/protocols/smtp/open-submitter.ts";
import { localGuard, login, octetsOf, type Scripted, startScripted } from "./scripted.ts";

export const mail = "From: a@example.org\r\nTo: b@example.org\r\n\r\nhello\r\n.leading dot\r\n";
export const plain: SubmitOptions = { size: mail.length, eightBit: false, utf8: false, beforeDot: async () => {} };
export const envelope = { from: "a@example.org", to: ["b@example.org"] };
export const many = { from: "a@example.org", to: ["b@example.org", "c@example.org", "d@example.org"] };

/** How the submitters of this test file are opened. */
export const using = { open: openSubmitter, tellsTlsFailures: true };

const opened: Scripted[] = [];
const submitters: Submitter[] = [];

/** Closes what `scripted` started after each test of the file that calls this. */
export function closeAfterEach(): void {
  afterEach(async () => {
    await Promise.all(submitters.splice(0).map((submitter) => submitter.close()));
    await Promise.all(opened.splice(0).map((server) => server.close()));
  });
}

/** A scripted server, and a submitter on it that is not connected yet. */
export async function scripted(answers: Parameters<typeof startScripted>[0], deadlines: Partial<SmtpDeadlines> = {}) {
  const server = await startScripted(answers);
  opened.push(server);
  const open = (change: Parameters<typeof login>[1] = {}) => {
    const submitter = using.open(
      { guard: localGuard, deadlines: { ...smtpDeadlines, ...deadlines } },
      login(server.port, change),
    );
    submitters.push(submitter);
    return submitter;
  };
  return { server, open, submitter: open() };
}

/** Closes the server before the test is over. */
export async function gone(server: Scripted): Promise<void> {
  opened.splice(opened.indexOf(server), 1);
  await server.close();
}

/** Sends `mail`. */
export function send(
  submitter: Submitter,
  to = envelope,
  bytes: Parameters<Submitter["submit"]>[0] = octetsOf(mail),
  beforeDot: SubmitOptions["beforeDot"] = plain.beforeDot,
) {
  return submitter.submit(bytes, to, { ...plain, beforeDot });
}

export const states = (outcome: { recipients: { state: string }[] }) => outcome.recipients.map(({ state }) => state);
export const dots = (server: Scripted) => server.heard.filter((line) => line === ".").length;
export const mailFroms = (server: Scripted) => server.heard.filter((line) => line.startsWith("MAIL"));
