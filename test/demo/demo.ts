import { once } from "node:events";
import { parseArgs } from "node:util";

import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { commonPassword, mailDomain } from "../servers/mailboxes.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { callsMade } from "./call.ts";
import { quote, say, verbatim } from "./print.ts";
import { tellStory, type Told } from "./story.ts";

const help = `Usage: npm run demo [-- --stay]

Starts a Dovecot and a Postfix on loopback ports of their own and a Postern in front of them, sends a mail from one mailbox to another and does with it what one does with mail. All by HTTP: each call is shown with its answer. In the end it stops what it started and leaves nothing behind.

It has to run as root, because mail servers do. Where Dovecot and Postfix are missing, it installs them by apt; these packages stay.

  --stay   leave all running, with a line of curl to go on; Ctrl-C stops it
  --help   this text

There are no colours where NO_COLOR is set or the output is no terminal.`;

/** Ends the story or the stay. */
const interruption = new AbortController();
const { signal } = interruption;

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return;
  if (options.help) return say(help);
  listenForSignals();
  let stack: MailStack | undefined;
  let postern: RunningPostern | undefined;
  try {
    say("Postern demo: real mail from one mailbox to another, by HTTP.\n", "bold");
    stack = await startServers();
    signal.throwIfAborted();
    postern = await startGateway();
    signal.throwIfAborted();
    const began = performance.now();
    const told = await tellStory({ url: postern.url, key: postern.appKey, signal }, stack);
    say(`\nThat was it: ${callsMade()} HTTP calls in ${secondsSince(began)}, all mail on real servers.`, "bold");
    if (options.stay) await stay(postern, told);
    else sayWhatNext();
  } catch (error) {
    if (signal.aborted) say("\nInterrupted.");
    else complain(error, postern);
    process.exitCode = signal.aborted ? 130 : 1;
  }
  try {
    try {
      await postern?.stop();
    } finally {
      await stack?.stop();
    }
    if (stack !== undefined) say("\nEverything that was started is stopped; nothing is left behind.", "dim");
  } catch (error) {
    complain(error, postern);
    process.exitCode = 1;
  }
}

function readOptions(): { stay: boolean; help: boolean } | undefined {
  try {
    const options = { stay: { type: "boolean", default: false }, help: { type: "boolean", default: false } } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n`);
    say(help);
    process.exitCode = 1;
    return undefined;
  }
}

function listenForSignals(): void {
  let first = 0;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(name, () => {
      // npm sends on a Ctrl-C that the terminal has sent us already: the same one twice is not impatience.
      if (first > 0 && Date.now() - first > 500) process.exit(130);
      first ||= Date.now();
      interruption.abort();
    });
  // Whoever reads the output may leave, as `head` does.
  process.stdout.on("error", () => interruption.abort());
}

async function startServers(): Promise<MailStack> {
  const began = performance.now();
  say("Starting Dovecot and Postfix (apt installs what is missing) …");
  const stack = await startMailStack();
  const { dovecot, postfix } = stack;
  say(`  Dovecot   IMAPS on ${dovecot.host}:${dovecot.ports.imaps}, POP3S on ${dovecot.host}:${dovecot.ports.pop3s}`);
  say(`  Postfix   SMTPS on ${postfix.host}:${postfix.ports.smtps}`);
  say(`  ready in ${secondsSince(began)}\n`, "dim");
  return stack;
}

async function startGateway(): Promise<RunningPostern> {
  const began = performance.now();
  say("Starting Postern on an empty folder. It says (keys and ids cut here):");
  const postern = await startPostern();
  quote(postern.greeting.trim().split("\n"));
  say(`  ready in ${secondsSince(began)}`, "dim");
  return postern;
}

const secondsSince = (began: number): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;

function sayWhatNext(): void {
  say(`
Next:
  npm run demo -- --stay    keep these servers running and try more calls
  npm start                 your own Postern, on ./data; then store a mailbox of
                            yours by POST /v1/accounts and read /docs
  npm start -- --help       what can be set`);
}

async function stay(postern: RunningPostern, { ann, ben }: Told): Promise<void> {
  const curl = `curl -s -H "Authorization: Bearer ${postern.appKey}"`;
  say("\nAll is still running. Go on in another terminal, with these lines as they stand here.");
  say("\nAnn's mail:", "bold");
  verbatim(`${curl} "${postern.url}/v1/accounts/${ann.id}/messages"`);
  say("\nBen answers her:", "bold");
  verbatim(
    `${curl} -H "Idempotency-Key: $(date +%s%N)" -H "Prefer: wait=20" ` +
      `--json '{"to":[{"email":"ann@${mailDomain}"}],"subject":"Thanks!","text":"A fine sun."}' ` +
      `"${postern.url}/v1/accounts/${ben.id}/submissions"`,
  );
  say(`
  API reference   ${postern.url}/docs
  Mailboxes       any name@${mailDomain}, password ${commonPassword}

Ctrl-C stops everything.`);
  if (!signal.aborted) await Promise.race([once(signal, "abort"), postern.ended()]);
  if (!signal.aborted) throw new Error("Postern ended by itself.");
}

function complain(error: unknown, postern: RunningPostern | undefined): void {
  const { message, cause } = error as Error;
  const why = cause instanceof Error && !message.includes(cause.message) ? `: ${cause.message}` : "";
  process.stderr.write(`\nThe demo failed: ${message}${why}\n`);
  if (postern === undefined) return;
  const warnings = postern.stdout.filter((line) => /"level":"(?:warn|error)"/.test(line)).slice(-5);
  const lastWords = postern.stderr().slice(postern.greeting.length);
  for (const text of [...warnings, lastWords.trim()].filter(Boolean)) process.stderr.write(`${text}\n`);
}

await main();
