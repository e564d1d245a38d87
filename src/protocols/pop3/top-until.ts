import { Failure } from "../../errors.ts";
import type { Clock } from "../../observe.ts";
import { makeEnding } from "../../net/ending.ts";
import type { Pop3Session } from "./open-pop3.ts";
import type { Header } from "./top.ts";

/** Until when headers may be read, milliseconds, and whether those that were read save the next try something. */
type Limit = { clock: Clock; until: number; isKept: boolean };

/** As the session's `top`, until an instant: then it is left, and fails `upstream-timeout`. */
export async function* topUntil(
  session: Pick<Pop3Session, "host" | "top">,
  numbers: readonly number[],
  { clock, until, isKept }: Limit,
): AsyncGenerator<Header> {
  if (numbers.length === 0) return;
  const over = new AbortController();
  const expiry = makeEnding();
  void clock.sleep(Math.max(0, until - clock.now()), over.signal).then(() => expiry.end());
  const headers = session.top(numbers);
  try {
    for (;;) {
      const step = await expiry.before(headers.next());
      if (step === null) throw tookTooLong(session.host, isKept);
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    over.abort("over");
    // Not waited for: the header that is on its way may never come.
    headers.return(undefined).catch(() => {});
  }
}

/** Fails `upstream-timeout` once it is later than `until`. */
export function assertInTime(host: string, { clock, until, isKept }: Limit): void {
  if (clock.now() > until) throw tookTooLong(host, isKept);
}

/** Takes the end of the time, and fails with whatever else it is given. */
export function unlessLate({ session }: { session: Pick<Pop3Session, "dead"> }): (error: unknown) => Failure {
  return (error) => {
    if (error instanceof Failure && error.code === "upstream-timeout" && !session.dead) return error;
    throw error;
  };
}

export function tookTooLong(host: string, isKept: boolean): Failure {
  return new Failure("upstream-timeout", "Reading so many messages' headers over POP3 takes longer than we wait.", {
    fix: isKept
      ? "Ask again: headers that were read are kept, so that the next try gets further. Without a filter a page takes the least."
      : "Ask for fewer messages at once and without a filter: nothing is kept of the headers that were read for this. Or store the account with IMAP, if its provider offers that.",
    upstream: { protocol: "pop3", phase: "TOP", host },
  });
}
