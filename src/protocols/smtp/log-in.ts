import { createHmac } from "node:crypto";
import type { SMTPConnectionCustomAuthContext } from "nodemailer/lib/smtp-connection";
import { parseReply, type Reply } from "./reply.ts";
import { withoutSecret } from "../../net/server-words.ts";

/** Null reply: the server offers no mechanism that a password fits. */
export type LoginResult = { granted: true } | { granted: false; reply: Reply | null };

type Ask = (command: string) => Promise<string>;

const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64");

/** RFC 4616. */
const plain = (ask: Ask, username: string, password: string) =>
  ask(`AUTH PLAIN ${base64(`\0${username}\0${password}`)}`);

async function login(ask: Ask, username: string, password: string): Promise<string> {
  let answer = await ask("AUTH LOGIN");
  for (const word of [username, password]) {
    if (!answer.startsWith("334")) return answer;
    answer = await ask(base64(word));
  }
  return answer;
}

/** RFC 2195. */
async function cramMd5(ask: Ask, username: string, password: string): Promise<string> {
  const answer = await ask("AUTH CRAM-MD5");
  if (!answer.startsWith("334")) return answer;
  const challenge = Buffer.from(answer.slice(4).trim(), "base64");
  return ask(base64(`${username} ${createHmac("md5", password).update(challenge).digest("hex")}`));
}

const mechanisms = [
  ["PLAIN", plain],
  ["LOGIN", login],
  ["CRAM-MD5", cramMd5],
] as const;

/** Logs in by the first mechanism (RFC 4954) that the server offers; without an offer nothing is sent. */
export async function logIn(
  context: SMTPConnectionCustomAuthContext,
  username: string,
  password: string,
): Promise<LoginResult> {
  const offered = mechanisms.find(([name]) => context.authMethods.includes(name));
  if (offered === undefined) return { granted: false, reply: null };
  const answer = await offered[1](async (command) => (await context.sendCommand(command)).response, username, password);
  if (answer.startsWith("235")) return { granted: true };
  const reply = parseReply(answer) ?? { code: 500, enhancedCode: null, text: "" };
  return { granted: false, reply: { ...reply, text: withoutSecret(reply.text, username, password) } };
}
