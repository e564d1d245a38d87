import { ImapFlow, type ImapFlowOptions } from "imapflow";
import { Failure } from "../../errors.ts";
import type { Mailbox } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { profileOf, type ProviderProfile } from "../../mail/provider-profile.ts";
import type { Admitted, ServerLogin } from "../../mail/server.ts";
import type { FolderWatching } from "../../mail/watch.ts";
import { withDeadline } from "../../net/deadline.ts";
import { withoutSecret } from "../../net/server-words.ts";
import type { Clock, Log } from "../../observe.ts";
import { append } from "./append.ts";
import { beginnings } from "./beginnings.ts";
import { capabilities } from "./capabilities.ts";
import { createFolder } from "./create-folder.ts";
import { deadlines } from "./deadline.ts";
import { deleteFolder } from "./delete-folder.ts";
import { enableQresync } from "./enable-qresync.ts";
import { brokeProtocol, goodbye, loginSkipped, throttledFor, timedOut, toFailure, type Where } from "./failures.ts";
import { firstSince } from "./first-since.ts";
import { folderStatus } from "./folder-status.ts";
import { followFolder } from "./follow-folder.ts";
import { getHeaders } from "./get-headers.ts";
import { getMessage } from "./get-message.ts";
import { getParts } from "./get-parts.ts";
import { hearAlerts, withoutAlert } from "./hear-alerts.ts";
import type { KnownMailbox } from "./known-messages.ts";
import { identities } from "./identities.ts";
import { listFolders } from "./list-folders.ts";
import { listMessages } from "./list-messages.ts";
import { locate } from "./locate.ts";
import { look } from "./look.ts";
import { move } from "./move.ts";
import { openAttachment } from "./open-attachment.ts";
import { openRaw } from "./open-raw.ts";
import { remove } from "./remove.ts";
import { renameFolder } from "./rename-folder.ts";
import { heads, search } from "./search.ts";
import { selectFolder } from "./select-folder.ts";
import { makeSession, type Session } from "./session.ts";
import { setFlags } from "./set-flags.ts";
import { shareCapabilities } from "./share-capabilities.ts";
import { subscribeFolder } from "./subscribe-folder.ts";
import { summaries } from "./summaries.ts";
import { survey } from "./survey.ts";
import { tlsOptions } from "./tls.ts";
import { waitForNews } from "./wait-for-news.ts";
import { withMessageId } from "./with-message-id.ts";
import { responseCode, responseText, text, wireOf } from "./wire.ts";

export type ImapTransport = NonNullable<ImapFlowOptions["transport"]>;

export type OpenImap = {
  login: ServerLogin;
  /** What the guard let pass: connect there, and verify the certificate by its name. */
  admitted: Admitted;
  log: Log;
  clock: Clock;
  /** What earlier sessions of this login have seen of its messages. */
  known: KnownMailbox;
  /** It is the connection that watches (DESIGN §6): QRESYNC is enabled where the server has it, and it may idle. */
  watch?: boolean;
  /** Opens the sockets where node:net can't (Workers). */
  transport?: ImapTransport | undefined;
};

/** What a stranger's server may send at most; imapflow's own limits are 1 GiB and more. */
const limits = {
  maxLiteralSize: 32 * 1024 * 1024,
  maxLineLength: 4 * 1024 * 1024,
  maxResponseSize: 48 * 1024 * 1024,
  maxResponseTokens: 200_000,
};

/** imapflow hangs up on who says nothing for so long, milliseconds: longer than one IDLE takes. */
const quietTimeout = 11 * 60_000;

/** RFC 2971. What is empty is not sent: it keeps imapflow from naming itself. */
const clientInfo = { name: "Postern", version: "", vendor: "", "support-url": "" };

/**
 * Connects, logs in and selects the inbox (which tells whether keywords can be set). Fails with what kept it:
 * `upstream-unreachable`, `upstream-timeout`, `tls-verification-failed`, `account-authentication-failed`, `account-busy`,
 * `upstream-throttled`, `upstream-protocol-error`, `unsupported-by-runtime`, …
 */
export async function openImap(options: OpenImap): Promise<Mailbox<ImapPlace>> {
  const session = await connect(options);
  try {
    await selectFolder(session, "INBOX", { fresh: false }).catch((error: unknown) => {
      // Some providers (163.com) let everybody log in, and refuse here.
      const isRefused = error instanceof Failure && error.code === "account-authentication-failed";
      if (session.dead || isRefused || !(error instanceof Failure)) throw error;
    });
    return mailboxOf(session, profileOf(options.login.host));
  } catch (error) {
    session.kill(toFailure(error, { host: session.host, phase: "login" }));
    throw error;
  }
}

async function connect({ login, admitted, log, clock, known, watch = false, transport }: OpenImap): Promise<Session> {
  const where = { host: login.host, phase: "login" };
  // imapflow tells some of what goes wrong to its logger only.
  const noticed = (entry: unknown): void => notice(entry, () => session, log);
  const client = new ImapFlow({
    host: admitted.address,
    port: admitted.port,
    ...(admitted.servername === null ? {} : { servername: admitted.servername }),
    secure: login.security === "tls",
    doSTARTTLS: login.security === "starttls",
    auth: { user: login.username, pass: login.password },
    tls: await tlsOptions(login.tls.ca, transport !== undefined),
    ...(transport ? { transport } : {}),
    clientInfo,
    connectionTimeout: deadlines.connect,
    greetingTimeout: deadlines.greeting,
    disableCompression: true,
    disableAutoIdle: true,
    disableAutoEnable: true,
    disableIMAP4rev2: true,
    ...(watch ? { socketTimeout: quietTimeout } : {}),
    ...limits,
    logger: {
      isLevelEnabled: (level: string) => level === "warn" || level === "error",
      debug() {},
      info() {},
      warn: noticed,
      error: noticed,
      fatal: noticed,
    } as NonNullable<ImapFlowOptions["logger"]>,
  });
  const discreet = (words: string): string => withoutSecret(words, login.username, login.password);
  // Before STARTTLS anybody on the way may speak for the server.
  const isBare = (): boolean => login.security === "starttls" && !client.secureConnection;
  const session: Session = makeSession(client, {
    host: login.host,
    clock,
    known,
    alerts: hearAlerts(client, (words) => (isBare() ? "" : discreet(words))),
    discreet,
    watches: watch,
  });
  // Its words may hold anything, so the log tells only that there are some.
  client.once("alert", () => log.write("warn", "imap.alert", { host: login.host }));
  try {
    const all = deadlines.connect + deadlines.greeting + deadlines.command;
    const connected = client.connect();
    hearGreeting(session, client, login.security, discreet);
    await withDeadline(clock, all, connected, () => session.kill(timedOut(where)));
    if (session.dead) throw session.dead;
    shareCapabilities(client);
    followFolder(session, client);
    // Some servers (163.com) let nobody in who did not say who they are after the login, too.
    if (session.has("ID") && Object.keys(client.serverInfo ?? {}).length > 1) {
      await session.exec("ID", [[text("name"), text(clientInfo.name)]], { tolerate: true });
    }
    if (watch) await enableQresync(session);
    return session;
  } catch (error) {
    const failure = session.dead ?? toFailure(error, where, discreet);
    session.kill(failure);
    throw isBare() ? withoutAlert(failure) : failure;
  }
}

/** Takes PREAUTH and BYE over from imapflow, which lets the one pass and forgets the other's response code. */
function hearGreeting(
  session: Session,
  client: ImapFlow,
  security: ServerLogin["security"],
  discreet: (words: string) => string,
): void {
  const { untaggedHandlers } = wireOf(client);
  const endOfLogout = untaggedHandlers["BYE"];
  const where = (): Where => ({ host: session.host, phase: session.phase });
  untaggedHandlers["PREAUTH"] = async () => session.kill(loginSkipped(security, where()));
  untaggedHandlers["BYE"] = async (response) => {
    if (session.dead) return endOfLogout?.(response);
    const code = responseCode(response)?.code ?? null;
    session.kill(goodbye(code && discreet(code), discreet(responseText(response)), where()));
  };
}

/** A parser error means that rows are lost, and throttling that imapflow would wait: both end the session. */
function notice(entry: unknown, session: () => Session, log: Log): void {
  if (typeof entry !== "object" || entry === null) return;
  const { err, msg, throttleDelay } = entry as { err?: { code?: unknown }; msg?: unknown; throttleDelay?: unknown };
  const code = typeof err?.code === "string" ? err.code : "";
  const where = { host: session().host, phase: session().phase };
  if (typeof throttleDelay === "number") {
    // imapflow begins to wait right after it has told so, and closing ends a wait that has begun.
    queueMicrotask(() => session().kill(throttledFor(throttleDelay, where)));
  }
  if (/^ParserError|^MAX_IMAP_NESTING/.test(code)) {
    log.write("warn", "imap.parser_error", { host: where.host, code });
    session().kill(brokeProtocol("The mail server's answer can't be read.", where));
  }
  if (msg === "Failed to process untagged response") {
    session().kill(brokeProtocol("The mail server's answer can't be read.", where));
  }
}

function mailboxOf(session: Session, profile: ProviderProfile | null): Mailbox<ImapPlace> {
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    const giveBack = await session.takeTurn();
    return work().finally(giveBack);
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> =>
    alone(() => {
      // Where NOOP tells no news, a folder that is selected already is none that may be read.
      if (profile?.noopTellsNews === false) session.selected = null;
      return work();
    });
  const watching: FolderWatching = {
    kind: "folders",
    look: (path, since) => inTurn(() => look(session, path, since)),
    survey: (path, window) => inTurn(() => survey(session, path, window, alone)),
    firstSince: (path, since) => inTurn(() => firstSince(session, path, since)),
    waitForNews: (path, ms, signal) => inTurn(() => waitForNews(session, path, ms, signal)),
  };
  return {
    capabilities: () => capabilities(session),
    folders: () => inTurn(() => listFolders(session, profile?.roleHints ?? {})),
    status: (path) => inTurn(() => folderStatus(session, path)),
    list: (path, page) => inTurn(() => listMessages(session, path, page)),
    search: (path, page, wanted) => inTurn(() => search(session, path, page, wanted)),
    heads: (path, page, wanted) => inTurn(() => heads(session, path, page, wanted)),
    watching,
    summaries: (places) => inTurn(() => summaries(session, places)),
    get: (place, wanted) => inTurn(() => getMessage(session, place, wanted)),
    beginnings: (messages, octets) => inTurn(() => beginnings(session, messages, octets)),
    headers: (places, octets) => inTurn(() => getHeaders(session, places, octets)),
    parts: (place, wanted) => inTurn(() => getParts(session, place, wanted)),
    openRaw: (place, range) => inTurn(() => openRaw(session, place, range)),
    openAttachment: (place, section, choose) => inTurn(() => openAttachment(session, place, section, choose)),
    setFlags: (places, change) => inTurn(() => setFlags(session, places, change)),
    move: (places, path, uidNext) => inTurn(() => move(session, places, path, uidNext)),
    remove: (places) => inTurn(() => remove(session, places)),
    locate: (path, keys) => inTurn(() => locate(session, path, keys)),
    identities: (places) => inTurn(() => identities(session, places)),
    withMessageId: (path, messageId) => inTurn(() => withMessageId(session, path, messageId)),
    append: (path, message, options, uidNext) => inTurn(() => append(session, path, message, options, uidNext)),
    createFolder: (parent, name) => inTurn(() => createFolder(session, parent, name)),
    renameFolder: (path, to) => inTurn(() => renameFolder(session, path, to)),
    deleteFolder: (path) => inTurn(() => deleteFolder(session, path)),
    subscribeFolder: (path, subscribed) => inTurn(() => subscribeFolder(session, path, subscribed)),
    alerts: () => session.alerts(),
    close: () => session.close(),
    get unfinished() {
      return session.unfinished;
    },
    get dead() {
      return session.dead !== null;
    },
  };
}
