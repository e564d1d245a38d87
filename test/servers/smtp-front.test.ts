import { createTransport } from "nodemailer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "./mail-stack.ts";
import { type Meeting, type Moment, type SmtpFront, startSmtpFront } from "./smtp-front.ts";

let stack: MailStack;
let front: SmtpFront;

beforeAll(async () => {
  stack = await startMailStack();
  front = await startSmtpFront({
    server: { port: stack.postfix.ports.smtps },
    certificate: stack.certificates.valid,
  });
});
afterAll(async () => {
  await front.stop();
  await stack.stop();
});

/** Sends a message of so many lines; what became of it. */
async function send(messageId: string, lines = 1): Promise<string> {
  const { username: user, password: pass } = stack.dovecot.user();
  const { host, port } = front;
  const transport = createTransport({
    host,
    port,
    secure: true,
    auth: { user, pass },
    tls: { ca: stack.dovecot.ca, servername: "localhost" },
  });
  const text = ".\n..\nhello\n".repeat(lines);
  return transport.sendMail({ from: user, to: "bob@postern.test", messageId, text }).then(
    () => "sent",
    () => "failed",
  );
}

test("passes everything on, and tells what the server has taken", async () => {
  const moments: string[] = [];
  front.meet((moment, { messageId }) => {
    moments.push(`${moment} ${messageId}`);
    return "pass";
  });
  expect(await send("<small@x>")).toBe("sent");
  expect(await send("<large@x>", 100_000)).toBe("sent");
  expect(front.taken).toEqual(["<small@x>", "<large@x>"]);
  expect(moments.slice(0, 4)).toEqual(["mail ", "content <small@x>", "dot <small@x>", "answer <small@x>"]);
});

test.each([
  ["mail", "failed", 0],
  ["content", "failed", 0],
  ["dot", "failed", 0],
  ["answer", "failed", 1],
] as const)("cuts the line at the moment %s", async (at: Moment, outcome, taken) => {
  front.meet((moment): Meeting => (moment === at ? "cut" : "pass"));
  expect(await send(`<${at}@x>`)).toBe(outcome);
  expect(front.taken.filter((id) => id === `<${at}@x>`)).toHaveLength(taken);
});
