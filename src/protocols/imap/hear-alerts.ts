import type { ImapFlow } from "imapflow";
import { Failure } from "../../errors.ts";
import { oneLine } from "../../net/server-words.ts";

/** Texts that are kept until they are asked for, at most. */
const mostKept = 10;

/**
 * Keeps what the server wants the user to see: the texts of ALERT (RFC 3501 §7.1), in whichever status response it comes, from
 * the greeting on. Each call gives out what came since the last one, each text once: on one line, at most 500 characters.
 * `discreet` gives the words as they may be told, "" where they may not.
 */
export function hearAlerts(client: Pick<ImapFlow, "on">, discreet: (words: string) => string): () => string[] {
  const kept = new Set<string>();
  client.on("alert", ({ message }) => {
    const text = oneLine(discreet(message));
    if (text !== "" && kept.size < mostKept) kept.add(text);
  });
  return () => {
    const texts = [...kept];
    kept.clear();
    return texts;
  };
}

/** The failure with the server's words as those of any refusal, for when nobody can say whose they are. */
export function withoutAlert(failure: Failure): Failure {
  const { upstream } = failure.details;
  if (upstream?.responseCode !== "ALERT") return failure;
  const { responseCode: _, ...said } = upstream;
  return new Failure(failure.code, failure.message, { ...failure.details, upstream: said });
}
