import { createHash } from "node:crypto";
import type { ServerLogin } from "../../mail/server.ts";
import { checkCredential } from "./argument.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Dialog } from "./dialog.ts";
import { brokeProtocol, failure, loginRefused, noPlainText } from "./failures.ts";
import type { Status } from "./status.ts";

/** A command with its CRLF (RFC 2449 §4), octets. */
const maxCommand = 255;

type Method = {
  /** UTF-8 may stand in it whatever the server says of USER (RFC 6856 §2.2 is about USER, PASS and APOP only). */
  takesUtf8: boolean;
  run(dialog: Dialog, login: ServerLogin): Promise<Status>;
};

/** What the server offers; `timestamp` is the one of its greeting (RFC 1939 §7), null where it did not come over this very line. */
export type Offer = { capabilities: Capabilities; timestamp: string | null };

/**
 * Logs in by the safest of what the server offers; without an offer nothing is sent, and a refusal is not followed by another
 * method, so that nobody can talk us into a weaker one. Fails `account-authentication-failed`, `mailbox-locked`,
 * `upstream-throttled`, `account-busy`, `refused-by-server`, `validation-failed`, `unsupported-by-server`, …
 */
export async function logIn(dialog: Dialog, login: ServerLogin, offer: Offer): Promise<void> {
  const { capabilities } = offer;
  const where = { host: dialog.host, phase: "login" };
  const method = chooseMethod(login.security, offer);
  if (method === null) {
    if (login.security === "none") throw noPlainText(where);
    throw failure("refused-by-server", "The mail server offers no login by password here.", where, null, {
      fix: "Check incoming.port, and whether the provider takes passwords at all.",
    });
  }
  const ascii = !method.takesUtf8 && !capabilities.has("UTF8", "USER");
  checkCredential(login.username, "/incoming/auth/username", ascii);
  checkCredential(login.password, "/incoming/auth/password", ascii);
  const status = await method.run(dialog, login);
  if (status.ok) return;
  const { loginDelay } = capabilities;
  throw loginRefused(status, where, { loginDelay, tellsAuth: capabilities.has("AUTH-RESP-CODE") });
}

/**
 * Without TLS, APOP keeps the password to ourselves wherever it is offered. With TLS, whatever the server takes is as good;
 * only a server that tells nothing at all about its logins is given the password by USER without an announcement.
 */
function chooseMethod(security: ServerLogin["security"], { capabilities, timestamp }: Offer): Method | null {
  const isClear = security === "none";
  const apop = timestamp === null ? null : makeApop(timestamp);
  if (isClear && apop) return apop;
  if (capabilities.has("SASL", "PLAIN")) return plain;
  if (!capabilities.told || capabilities.has("USER") || (!isClear && !capabilities.has("SASL"))) return userAndPass;
  return apop;
}

/** RFC 1939 §7. */
const userAndPass: Method = {
  takesUtf8: false,
  async run(dialog, { username, password }) {
    const status = await dialog.ask("login", `USER ${username}`);
    return status.ok ? dialog.ask("login", `PASS ${password}`) : status;
  },
};

/** RFC 4616. Other mechanisms differ in nothing but their name and this response. */
const plain: Method = {
  takesUtf8: true,
  run: (dialog, { username, password }) => authenticate(dialog, "PLAIN", `\0${username}\0${password}`),
};

/** AUTH with a mechanism whose client says one thing, first (RFC 5034 §4). */
async function authenticate(dialog: Dialog, mechanism: string, response: string): Promise<Status> {
  const encoded = Buffer.from(response, "utf8").toString("base64");
  const whole = `AUTH ${mechanism} ${encoded}`;
  dialog.send("login", whole.length + 2 <= maxCommand ? whole : `AUTH ${mechanism}`);
  const status = await dialog.statusOrChallenge();
  if (status) return status;
  // The line was too long, or the server is older than initial responses (RFC 1734).
  dialog.send("login", encoded);
  const answer = await dialog.statusOrChallenge();
  if (answer) return answer;
  throw dialog.kill(brokeProtocol("The mail server asks for more than its login mechanism has.", dialog.where));
}

/** RFC 1939 §7: MD5 over the greeting's timestamp and the password. */
function makeApop(timestamp: string): Method {
  return {
    takesUtf8: false,
    async run(dialog, { username, password }) {
      const digest = createHash("md5").update(`${timestamp}${password}`).digest("hex");
      const status = await dialog.ask("login", `APOP ${username} ${digest}`);
      return status.text.toLowerCase().includes(digest) ? { ...status, text: "" } : status;
    },
  };
}

/**
 * The timestamp of a greeting that offers APOP, with its angle brackets, or null. Nothing but a message id counts (RFC 1939 §7):
 * octets of an attacker's choice would help to find the password out.
 */
export function apopTimestamp(greeting: string): string | null {
  return /<[\x21-\x3b\x3d\x3f\x41-\x7e]+@[\x21-\x3b\x3d\x3f\x41-\x7e]+>/.exec(greeting)?.[0] ?? null;
}
