import { createHash } from "node:crypto";
import { Failure, type InputError, invalid } from "../errors.ts";
import type { SendingInput } from "../mail/submission.ts";
import type { MailEnvelope } from "../mail/submitter.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { checkEmail } from "../mime/check-address.ts";
import { normaliseRaw } from "../mime/normalise-raw.ts";
import { maxHead, type RawHead } from "../mime/raw-head.ts";
import { singleLine } from "../mime/single-line.ts";
import { loginKey } from "../sessions/login-key.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import {
  type AcceptNeeds,
  type AcceptOptions,
  acceptSubmission,
  type CreatedSubmission,
  type Draft,
} from "./accept-submission.ts";
import { sizeLimit, tooLarge } from "./check-limits.ts";
import { checkSending, type Note, type SendingTimes } from "./check-sending.ts";
import { maxRecipients, recipientsOf } from "./check-submission.ts";
import { findAccount } from "./find-account.ts";
import { newMessageId } from "./new-message-id.ts";
import { fingerprint } from "./fingerprint.ts";

/** A message (RFC 5322) that somebody else has built. */
export type RawMessage = {
  /** How many octets were announced; null: nobody knows. */
  announced: number | null;
  /** Reads the message as it comes, no more than `limit` octets. */
  read: (limit: number) => AsyncIterable<Uint8Array>;
};

type Needs = AcceptNeeds & { accounts: Pick<Store["accounts"], "get"> };

/** The `operationId` of the route; part of what an Idempotency-Key is unique under. */
const route = "submissions.createRaw";

/** As much of a subject as a submission tells. */
const maxSubject = 998;

/**
 * Accepts a message for sending that is there already, in constant memory (`normaliseRaw` says what is changed about it). Who is not named
 * in `input.envelope` comes from the header: the first of Sender and From; To, Cc and Bcc. The same key with the same octets and the same
 * input is the same request. Nothing is kept of one that does not come to its end.
 * Fails as `acceptSubmission`, `normaliseRaw` and `read` do; `not-found`; `validation-failed` with a pointer into the query (`?to`), or an empty one for
 * the message.
 */
export function createRawSubmission(needs: Needs) {
  const accept = acceptSubmission(needs);

  return async (
    caller: AppCaller,
    accountId: string,
    input: SendingInput,
    message: RawMessage,
    options: Omit<AcceptOptions, "route" | "isLight">,
  ): Promise<CreatedSubmission> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const request = hashed(message.read(needs.maxMessage), input);
    const build = async (): Promise<Draft> => {
      const times = checkInput(input, needs.clock.now());
      const limit = sizeLimit(needs.submitters.limitsOf(loginKey(account, "outgoing")), needs.maxMessage);
      // What is taken away of it on its way is of the header.
      if (limit.isServers && (message.announced ?? 0) - maxHead > limit.octets) throw tooLarge(limit);
      return draft(account, input, times, request, needs.clock.now());
    };
    const readOn = async (): Promise<string> => {
      for await (const _ of request.octets);
      return request.fingerprint();
    };
    return accept(account, { ...options, route, isLight: false }, build, readOn);
  };
}

/** A request whose octets are still to come; its fingerprint is known when they have ended. */
type HashedRequest = { octets: AsyncGenerator<Uint8Array>; fingerprint: () => string };

function hashed(source: AsyncIterable<Uint8Array>, input: SendingInput): HashedRequest {
  const hash = createHash("sha256");
  let print: string | undefined;
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  }
  return { octets: pass(), fingerprint: () => (print ??= fingerprint({ input, message: hash.digest("hex") })) };
}

/** What can be told before there is a message: all that is wrong at once. */
function checkInput(input: SendingInput, now: number): SendingTimes {
  const found: InputError[] = [];
  const note: Note = (pointer, reason) => {
    if (reason !== null) found.push({ pointer: pointer.replace("/", "?"), ...reason });
  };
  const { from, to = [] } = input.envelope ?? {};
  if (from !== undefined) note("/from", checkEmail(from));
  for (const email of to) note("/to", checkEmail(email));
  const times = checkSending(input, note, now);
  const [first] = found;
  if (first === undefined) return times;
  throw new Failure("validation-failed", `${first.pointer}: ${first.detail}`, { errors: found.slice(0, 50) });
}

async function draft(
  account: AccountRow,
  input: SendingInput,
  times: SendingTimes,
  request: HashedRequest,
  now: number,
): Promise<Draft> {
  const defaults = { messageId: newMessageId(account.email), date: new Date(times.sendAt ?? now) };
  const raw = await normaliseRaw(request.octets, defaults);
  try {
    const { head } = raw;
    const envelope = envelopeOf(head, input);
    return {
      ...times,
      messageId: head.messageId,
      subject: singleLine(head.subject, maxSubject),
      envelope,
      get needs() {
        return { eightBit: raw.isEightBit(), utf8: !head.isAscii };
      },
      pointerOf: (email) => (email === input.envelope?.from ? "?from" : input.envelope?.to === undefined ? "" : "?to"),
      octets: raw.octets,
      saveToSent: input.saveToSent ?? account.saveToSent,
      original: null,
      metadata: {},
      warnings: () => raw.warnings(),
      fingerprint: request.fingerprint,
    };
  } catch (error) {
    await raw.octets.return?.();
    throw error;
  }
}

/** Who sends it and who gets it, each once. What the header says of that is checked as if the query said it. */
function envelopeOf(head: RawHead, input: SendingInput): MailEnvelope {
  const from = input.envelope?.from ?? head.sender?.email ?? head.from[0]?.email ?? "";
  if (input.envelope?.to === undefined && !head.isComplete) {
    throw unclear("address-unparseable", "Not every entry of To, Cc and Bcc has an address.", "to");
  }
  const to = recipientsOf({ ...head, envelope: input.envelope });
  if (to.length === 0) throw unclear("required", "The header has no To, Cc or Bcc.", "to");
  if (to.length > maxRecipients) {
    throw invalid("", "too-many", `A message has at most ${maxRecipients} recipients; this one has ${to.length}.`);
  }
  if (checkEmail(from) !== null) throw unclear("email-invalid", "Its sender has no address to send from.", "from");
  if (to.some((email) => checkEmail(email) !== null)) {
    throw unclear("email-invalid", "The header has a recipient whose address is not valid.", "to");
  }
  return { from, to };
}

function unclear(code: string, detail: string, parameter: "from" | "to"): Failure {
  return new Failure("validation-failed", detail, {
    fix: `Name ${parameter === "to" ? "the recipients" : "the sender"} in the query: ?${parameter}=name@example.org.`,
    errors: [{ pointer: "", code, detail }],
  });
}
