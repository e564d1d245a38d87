import type { Failure } from "../../errors.ts";
import type { News } from "../../mail/watch.ts";
import { deadlines } from "./deadline.ts";
import { failure, refusal, timedOut } from "./failures.ts";
import { keepInStep, newsSince } from "./looked.ts";
import { selectFolder } from "./select-folder.ts";
import type { Reply, Session } from "./session.ts";

/** RFC 2177 §3: servers may log out who idles for half an hour, and what lies between forgets lines earlier. */
const mostIdle = 9 * 60_000;

/** A server that ends IDLE by itself within this time does not wait for news. */
const leastIdle = 1_000;

const command = "IDLE";

/**
 * Waits in IDLE (RFC 2177) until the server tells news of the folder, at most `ms`; null when none came, the signal has
 * aborted, or another call wants the session. What came since the folder was looked at ends the wait at once, and so does a
 * folder that this session has not looked at. Fails: `unsupported-by-server` where the server does not idle, `not-found`,
 * and with what the line died of.
 */
export async function waitForNews(
  session: Session,
  path: string,
  ms: number,
  signal: AbortSignal,
): Promise<News | null> {
  if (!session.has("IDLE")) throw idlesNot(session);
  const { clock } = session;
  const until = clock.now() + ms;
  const folder = await selectFolder(session, path, { fresh: false, condstore: true });
  keepInStep(session, folder);
  for (;;) {
    const news = newsSince(session, folder);
    const left = Math.min(until - clock.now(), mostIdle);
    if (news !== null || left <= 0 || signal.aborted) return news;
    const began = clock.now();
    const ending = await idle(session, left, signal);
    if (ending === "wanted") return newsSince(session, folder);
    if (ending === "by the server" && clock.now() - began < leastIdle && newsSince(session, folder) === null) {
      throw idlesNot(session);
    }
  }
}

/** One IDLE: it ends with news, after `ms`, when the signal aborts or another call wants the session. */
async function idle(session: Session, ms: number, signal: AbortSignal): Promise<"by us" | "wanted" | "by the server"> {
  const settled = new AbortController();
  let isEnding = false;
  let isWanted = false;
  let say: ((line: string) => void) | null = null;

  const awaitAnswer = async (isAnswered: () => boolean): Promise<void> => {
    await session.clock.sleep(deadlines.command, settled.signal);
    if (!settled.signal.aborted && !isAnswered()) session.kill(timedOut({ host: session.host, phase: command }));
  };
  /** DONE may be sent only once the server has said that it idles. */
  const end = (): void => {
    isEnding = true;
    if (say === null) return;
    say("DONE");
    say = null;
    void awaitAnswer(() => false);
  };
  const endLater = async (): Promise<void> => {
    await session.clock.sleep(ms, settled.signal);
    if (!settled.signal.aborted) end();
  };

  let hasBegun = false;
  session.onNews = end;
  session.whenWanted(() => {
    isWanted = true;
    end();
  });
  signal.addEventListener("abort", end);
  void awaitAnswer(() => hasBegun);
  void endLater();
  try {
    const reply = await session.exec(command, [], {
      tolerate: true,
      deadline: ms + 3 * deadlines.command,
      onContinue(send) {
        if (hasBegun) return;
        hasBegun = true;
        say = send;
        if (isEnding) end();
      },
    });
    if (reply.status !== "OK") throw whyRefused(session, reply);
    if (isWanted) return "wanted";
    return isEnding ? "by us" : "by the server";
  } finally {
    session.onNews = null;
    session.whenWanted(null);
    signal.removeEventListener("abort", end);
    settled.abort("settled");
  }
}

/** What is no matter of the moment, such as throttling, is told as an inability. */
function whyRefused(session: Session, { status, code, text }: Reply): Failure {
  const told = refusal(status === "BAD" ? "BAD" : "NO", code, text, { host: session.host, phase: command });
  const isAble = told.code !== "upstream-protocol-error" && told.code !== "refused-by-server";
  return isAble ? told : idlesNot(session);
}

function idlesNot({ host }: Session): Failure {
  return failure("unsupported-by-server", "The mail server tells no news by itself.", { host, phase: command });
}
