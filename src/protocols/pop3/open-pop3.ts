import { askCapabilities, untold } from "./capabilities.ts";
import { deadlines } from "./deadline.ts";
import { demand } from "./demand.ts";
import { type DialogOptions, openDialog } from "./dialog.ts";
import { goodbye, toFailure } from "./failures.ts";
import { list, listOne } from "./list.ts";
import { apopTimestamp, logIn } from "./log-in.ts";
import { remove } from "./remove.ts";
import { retr } from "./retr.ts";
import { makeSession, type Session } from "./session.ts";
import { startTls } from "./start-tls.ts";
import { stat } from "./stat.ts";
import { topLines } from "./top-lines.ts";
import { type Header, top } from "./top.ts";
import { uidl, uidlOne } from "./uidl.ts";

/**
 * A maildrop as it was at the login. Numbers are of this session only and mean nothing after it. One call runs at a time, in
 * the order of the calls; all fail with a Failure.
 */
export type Pop3Session = {
  readonly host: string;
  /** Seconds that the server wants between two logins (RFC 2449 §6.5); null when it does not say. */
  readonly loginDelay: number | null;
  stat(): Promise<{ count: number; octets: number }>;
  list(): Promise<Map<number, number>>;
  listOne(number: number): Promise<number>;
  uidl(): Promise<Map<number, string> | null>;
  uidlOne(number: number): Promise<string>;
  top(numbers: readonly number[]): AsyncGenerator<Header>;
  /** Whether `top` gives headers without bodies, as far as that is known yet. */
  readonly hasTop: Session["top"];
  topLines(numbers: readonly number[], lines: number): AsyncGenerator<Header>;
  retr(number: number): Promise<AsyncIterableIterator<Uint8Array>>;
  remove(numbers: readonly number[]): Promise<{ missing: number[] }>;
  /** NOOP: whether the server is still there; and it begins to count anew until it would log us out (RFC 1939 §3). */
  noop(): Promise<void>;
  /** Settles when no call runs any more, also none that a stream had begun when it was left; null when none runs. */
  readonly unfinished: Promise<unknown> | null;
  /** QUIT where nothing runs, then closes. Deletes nothing. Never throws. */
  close(): Promise<void>;
  /** True once the connection is gone or must not be used again. */
  readonly dead: boolean;
};

export type OpenPop3 = DialogOptions & {
  /** The server has told this account's unique-ids before: if it does not now, that is a failure. */
  expectsUidl?: boolean;
};

/**
 * Connects, starts TLS where asked, and logs in. `dial` is what the runtime opens connections with. Fails with what kept it:
 * `upstream-unreachable`, `upstream-timeout`, `tls-verification-failed`, `account-authentication-failed`, `mailbox-locked`,
 * `upstream-throttled`, `account-busy`, `refused-by-server`, `upstream-protocol-error`, …
 */
export async function openPop3(options: OpenPop3): Promise<Pop3Session> {
  const { login } = options;
  const dialog = await openDialog(options);
  try {
    const greeting = await dialog.status(deadlines.greeting);
    if (!greeting.ok) throw goodbye(greeting, dialog.where);
    let timestamp = apopTimestamp(greeting.text);
    let capabilities = await askCapabilities(dialog, untold);
    if (login.security === "starttls") {
      await startTls(dialog, capabilities);
      // RFC 2595 §4: what came before could have come from anybody.
      timestamp = null;
      capabilities = await askCapabilities(dialog, untold);
    }
    // RFC 6856 §2.1: before the login. Who announces it and refuses it sends as before.
    if (capabilities.has("UTF8")) await dialog.ask("UTF8", "UTF8");
    await logIn(dialog, login, { capabilities, timestamp });
    // RFC 2449 §5: it may differ for this user.
    if (capabilities.told) capabilities = await askCapabilities(dialog, capabilities);
    return sessionOf(makeSession(dialog, capabilities), options.expectsUidl);
  } catch (error) {
    const failure = toFailure(error, dialog.where);
    dialog.kill(failure);
    throw failure;
  }
}

function sessionOf(session: Session, expectsUidl = false): Pop3Session {
  const { dialog, capabilities, inTurn } = session;
  return {
    host: dialog.host,
    loginDelay: capabilities.loginDelay,
    stat: () => stat(session),
    list: () => list(session),
    listOne: (number) => listOne(session, number),
    uidl: () => uidl(session, expectsUidl),
    uidlOne: (number) => uidlOne(session, number),
    top: (numbers) => top(session, numbers),
    get hasTop() {
      return session.top;
    },
    topLines: (numbers, lines) => topLines(session, numbers, lines),
    retr: (number) => retr(session, number),
    remove: (numbers) => remove(session, numbers),
    noop: () => inTurn(async () => void (await demand(dialog, "NOOP"))),
    get unfinished() {
      return session.unfinished;
    },
    close: () => session.close(),
    get dead() {
      return dialog.dead !== null;
    },
  };
}
