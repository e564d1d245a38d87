import { createHash } from "node:crypto";
import type { Failure } from "../../errors.ts";
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
 * Logs in by what the server offers; without an offer nothing is sent. Fails `account-authentication-failed`,
 * `mailbox-locked`, `upstream-throttled`, `account-busy`, `refused-by-server`, `validation-failed`, `unsupported-by-server`, …
 */
export async function logIn(dialog: Dialog, login: ServerLogin, offer: Offer): Promise<void> {
  const where = { host: dialog.host, phase: "login" };
  let refused: Failure | null = null;
  for (const method of chooseMethods(login.security, offer)) {
    const failure: Failure | null = await attempt(method, dialog, login, offer).catch((error: unknown) => {
      // Some servers hang up on the first refusal.
      throw refused ?? error;
    });
    if (failure === null) return;
    if (!isAboutCredentials(failure)) throw failure;
    refused = failure;
  }
  if (refused) throw refused;
  if (login.security === "none") throw noPlainText(where);
  throw failure("refused-by-server", "The mail server offers no login by password here.", where, null, {
    fix: "Check incoming.port, and whether the provider takes passwords at all.",
  });
}

/** The refusal, or null once logged in. */
async function attempt(method: Method, dialog: Dialog, login: ServerLogin, offer: Offer): Promise<Failure | null> {
  const { capabilities } = offer;
  const ascii = !method.takesUtf8 && !capabilities.has("UTF8", "USER");
  checkCredential(login.username, "/incoming/auth/username", ascii);
  checkCredential(login.password, "/incoming/auth/password", ascii);
  const status = await method.run(dialog, login);
  if (status.ok) return null;
  const terms = { loginDelay: capabilities.loginDelay, tellsAuth: capabilities.has("AUTH-RESP-CODE") };
  return loginRefused(status, dialog.where, terms);
}

/** Not about the mailbox or the moment: then another method may do. */
function isAboutCredentials({ code }: Failure): boolean {
  return code === "account-authentication-failed" || code === "refused-by-server";
}

/**
 * With TLS, whatever the server takes is as good; only one that tells nothing at all about its logins is given the password by
 * USER without an announcement. Without TLS, APOP comes first and keeps the password from whoever listens. A timestamp does not
 * promise APOP for this user (GNU mailutils always shows one), so what is offered besides follows its refusal: who could forge
 * that could have left the timestamp out as well, and `none` is only where the operator lets passwords go in clear.
 */
function chooseMethods(security: ServerLogin["security"], { capabilities, timestamp }: Offer): Method[] {
  const isClear = security === "none";
  const apop = timestamp === null ? [] : [makeApop(timestamp)];
  const first = isClear ? apop : [];
  if (capabilities.has("SASL", "PLAIN")) return [...first, plain];
  const takesUser = !capabilities.told || capabilities.has("USER") || (!isClear && !capabilities.has("SASL"));
  return takesUser ? [...first, userAndPass] : apop;
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
