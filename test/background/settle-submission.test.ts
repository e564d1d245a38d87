import { describe, expect, test } from "vitest";
import {
  afterAttempt,
  afterDeath,
  afterExpiry,
  committed,
  stateOf,
  withOutcome,
} from "../../src/background/settle-submission.ts";
import type { RecipientRow, SubmissionRow } from "../../src/store/submission-rows.ts";
import { accountRow, newRow } from "./sending-house.ts";

const now = 1_000_000;
const at = { now, random: 0.5 };
const account = accountRow({ id: "acc" }, now);

const some = (...states: RecipientRow["state"][]): RecipientRow[] =>
  states.map((state, n) => ({ email: `${n}@example.org`, state, code: null, enhancedCode: null, text: null }));
const row = (part: Partial<SubmissionRow>): SubmissionRow => ({
  ...newRow("sub", "acc", now),
  state: "sending",
  attempts: 1,
  ...part,
});
const statesOf = ({ recipients }: Pick<SubmissionRow, "recipients">) => recipients.map(({ state }) => state);

test.each([
  ["queued", some("accepted", "uncertain", "deferred")],
  ["queued", some("rejected", "pending")],
  ["uncertain", some("accepted", "uncertain", "rejected")],
  ["sent", some("rejected", "accepted")],
  ["failed", some("rejected")],
] as const)("%s", (state, recipients) => {
  expect(stateOf([...recipients])).toBe(state);
});

test("an attempt says nothing of those it was not for", () => {
  const told = (["rejected", "accepted", "rejected"] as const).map((state, n) => ({
    email: `${n}@example.org`,
    state,
    code: null,
    enhancedCode: null,
    text: null,
  }));
  const then = withOutcome(some("accepted", "pending", "uncertain"), { recipients: told, left: [] });
  expect(then.map(({ state }) => state)).toEqual(["accepted", "accepted", "uncertain"]);
});

describe("what is written before the dot", () => {
  test("is nothing more than the state where all that are open are in the transaction", () => {
    expect(committed(some("pending", "accepted", "deferred"), ["0@example.org", "2@example.org"], false)).toBeNull();
  });

  test("marks those in it where others are open", () => {
    const marked = committed(some("pending", "pending"), ["1@example.org"], false);
    expect(marked?.map(({ state }) => state)).toEqual(["pending", "uncertain"]);
  });

  test("marks them too where somebody was uncertain before: else nobody could tell these from those", () => {
    const marked = committed(some("uncertain", "pending"), ["1@example.org"], false);
    expect(marked?.map(({ state }) => state)).toEqual(["uncertain", "uncertain"]);
  });

  test("marks all that are left in a later transaction: the row still has those of the one before marked", () => {
    const marked = committed(some("accepted", "pending", "deferred"), ["1@example.org", "2@example.org"], true);
    expect(marked?.map(({ state }) => state)).toEqual(["accepted", "uncertain", "uncertain"]);
  });
});

describe("a claim that was taken over while it was committing", () => {
  test("leaves all that were open uncertain where nobody is marked", () => {
    const after = afterDeath(account, row({ state: "committing", recipients: some("accepted", "pending") }), at);
    expect(after.state).toBe("uncertain");
    expect(statesOf(after)).toEqual(["accepted", "uncertain"]);
  });

  test("leaves those that are marked uncertain, and tries the others", () => {
    const after = afterDeath(account, row({ state: "committing", recipients: some("uncertain", "pending") }), at);
    expect(after).toMatchObject({ state: "queued", nextAttemptAt: now + 60_000 });
    expect(statesOf(after)).toEqual(["uncertain", "pending"]);
  });

  test("where duplicates are preferred, tries all of them", () => {
    const owner = { ...account, onUncertain: "retry" } as const;
    const after = afterDeath(owner, row({ state: "committing" }), at);
    expect(after).toMatchObject({ state: "queued", warnings: ["possible-duplicate"] });
    expect(statesOf(after)).toEqual(["deferred"]);
  });
});

describe("time", () => {
  test("that is over leaves what is uncertain uncertain, whatever the account prefers", () => {
    const owner = { ...account, onUncertain: "retry" } as const;
    const late = row({ deliverBefore: now, recipients: some("uncertain", "deferred") });
    const after = afterExpiry(owner, late, at);
    expect(after).toMatchObject({ state: "uncertain", warnings: ["expired"], attempts: 0 });
    expect(statesOf(after)).toEqual(["uncertain", "rejected"]);
  });

  test("that leaves no other attempt ends it with the attempt", () => {
    const recipients = some("accepted", "deferred");
    const after = afterAttempt(account, row({ deliverBefore: now + 20_000 }), { recipients, failure: null }, at);
    expect(after).toMatchObject({ state: "sent", warnings: ["expired"], finishedAt: now });
  });
});

test("a message that is sent has its copy planned", () => {
  const incoming = account.outgoing && { ...account.outgoing, protocol: "imap" as const };
  const wanted = row({ saveToSent: "always" });
  const after = afterAttempt({ ...account, incoming }, wanted, { recipients: some("accepted"), failure: null }, at);
  expect(after).toMatchObject({ state: "sent", sentCopy: "pending", followUps: ["sent-copy"], followUpAt: now });
});
