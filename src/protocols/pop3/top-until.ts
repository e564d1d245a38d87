import { Failure } from "../../errors.ts";
import type { Clock } from "../../observe.ts";
import type { Pop3Session } from "./open-pop3.ts";
import type { Header } from "./top.ts";

/** As the session's `top`, until an instant (milliseconds): then it is left, and fails `upstream-timeout`. */
export async function* topUntil(
  session: Pick<Pop3Session, "host" | "top">,
  numbers: readonly number[],
  { clock, until }: { clock: Clock; until: number },
): AsyncGenerator<Header> {
  if (numbers.length === 0) return;
  const over = new AbortController();
  const expiry = clock.sleep(Math.max(0, until - clock.now()), over.signal).then(() => null);
  const headers = session.top(numbers);
  try {
    for (;;) {
      const step = await Promise.race([headers.next(), expiry]);
      if (step === null) throw tookTooLong(session.host);
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
export function assertInTime(host: string, { clock, until }: { clock: Clock; until: number }): void {
  if (clock.now() > until) throw tookTooLong(host);
}

function tookTooLong(host: string): Failure {
  return new Failure("upstream-timeout", "Reading so many messages' headers over POP3 takes longer than we wait.", {
    fix: "Ask again: headers that were read are kept, so that the next try gets further. Without a filter a page takes the least.",
    upstream: { protocol: "pop3", phase: "TOP", host },
  });
}
