import { describe, expect, test } from "vitest";
import { filesSentCopy, nextLook, planFollowUps } from "../../src/operations/plan-follow-ups.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { RecipientRow } from "../../src/store/submission-rows.ts";
import { accountRow } from "../store/rows.ts";

const now = 1_790_000_000_000;
const elsewhere = accountRow();
const { incoming } = elsewhere;
const at = (host: string, protocol: "imap" | "pop3" = "imap"): AccountRow =>
  accountRow({ incoming: incoming && { ...incoming, host, protocol } });
const gmail = at("imap.gmail.com");
const pop3 = at("pop.gmail.com", "pop3");
const sendsOnly = accountRow({ incoming: null });

const recipient = (state: RecipientRow["state"]): RecipientRow => ({
  email: "b@example",
  state,
  code: null,
  enhancedCode: null,
  text: null,
});
const sent = {
  state: "sent" as const,
  recipients: [recipient("accepted")],
  original: null,
  saveToSent: "auto" as const,
  sentCopy: null,
  warnings: ["possible-duplicate"],
};
const answers = { action: "reply" as const, messageId: "msg_x" };
const nothing = { followUps: [], followUpAt: null, sentCopy: null, warnings: sent.warnings };

describe("of what was sent", () => {
  test("a copy goes into the sent folder at once, or after the provider had time to put one there", () => {
    const planned = { followUps: ["sent-copy"], sentCopy: "pending", warnings: sent.warnings };
    expect(planFollowUps(elsewhere, sent, now)).toEqual({ ...planned, followUpAt: now });
    expect(planFollowUps(gmail, sent, now)).toEqual({ ...planned, followUpAt: now + 10_000 });
    expect(planFollowUps(gmail, { ...sent, saveToSent: "always" }, now)).toEqual({ ...planned, followUpAt: now });
  });

  test("no copy where none is wanted, there is one, or there is no folder that it could be in", () => {
    expect(planFollowUps(elsewhere, { ...sent, saveToSent: "never" }, now)).toEqual(nothing);
    expect(planFollowUps(gmail, { ...sent, sentCopy: "provider" }, now)).toEqual({ ...nothing, sentCopy: "provider" });
    for (const account of [pop3, sendsOnly]) expect(planFollowUps(account, sent, now)).toEqual(nothing);
  });

  test("what it answers is marked at once, on POP3 too, and the copy comes with it", () => {
    const answer = { ...sent, original: answers };
    expect(planFollowUps(gmail, answer, now)).toMatchObject({
      followUps: ["flag-original", "sent-copy"],
      followUpAt: now,
      sentCopy: "pending",
    });
    expect(planFollowUps(pop3, answer, now)).toEqual({ ...nothing, followUps: ["flag-original"], followUpAt: now });
    expect(planFollowUps(sendsOnly, answer, now)).toEqual(nothing);
  });
});

describe("of what is uncertain", () => {
  const uncertain = {
    ...sent,
    state: "uncertain" as const,
    recipients: [recipient("uncertain"), recipient("rejected")],
  };

  test("the sent folder is looked into where the provider files copies, whatever is wanted of copies", () => {
    const looks = { ...nothing, followUps: ["look-in-sent"], followUpAt: now + 10_000 };
    expect(planFollowUps(gmail, uncertain, now)).toEqual(looks);
    expect(planFollowUps(gmail, { ...uncertain, saveToSent: "never" }, now)).toEqual(looks);
  });

  test("not where it can tell nothing: no such provider, no IMAP, or another transaction may have put it there", () => {
    for (const account of [elsewhere, pop3, sendsOnly]) expect(planFollowUps(account, uncertain, now)).toEqual(nothing);
    const half = { ...uncertain, recipients: [recipient("accepted"), recipient("uncertain")] };
    expect(planFollowUps(gmail, half, now)).toEqual(nothing);
  });
});

test("who files copies is told by either server, where there are folders", () => {
  const smtp = { ...incoming, host: "smtp.gmail.com", protocol: "smtp" } as AccountRow["outgoing"];
  expect(filesSentCopy({ incoming, outgoing: smtp })).toBe(true);
  expect(filesSentCopy({ incoming, outgoing: null })).toBe(false);
  expect(filesSentCopy({ incoming: null, outgoing: smtp })).toBe(false);
});

test("looks come after 10 seconds, a minute and five minutes, and no more", () => {
  const next = [0, 9_999, 10_000, 60_000, 299_999, 300_000].map((after) => nextLook(now, now + after));
  expect(next.map((one) => one && one - now)).toEqual([10_000, 10_000, 60_000, 300_000, 300_000, null]);
});
