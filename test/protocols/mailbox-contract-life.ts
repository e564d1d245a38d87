import { expect } from "vitest";
import { failureOf } from "./failure-of.ts";
import { type Bench, page } from "./mailbox-bench.ts";

/** A session: one call at a time, and an end that is told. */
export function life({ it, filled, open, path }: Bench): void {
  it("concurrent calls are answered one after the other", ["folders"], async () => {
    const { mailbox } = await filled(20);
    const [listing, status, folders, again] = await Promise.all([
      mailbox.list("INBOX", page),
      mailbox.status(path("Archive")),
      mailbox.folders(),
      mailbox.list(path("Archive"), page),
    ]);
    const numbers = [listing.messages.length, status.messages, folders.length, again.messages.length];
    expect(numbers).toEqual([20, 0, 6, 0]);
    expect(mailbox.unfinished).toBeNull();
  });

  it("concurrent calls on one folder are answered one after the other", [], async () => {
    const { mailbox } = await filled(20);
    const [listing, status, folders, again] = await Promise.all([
      mailbox.list("INBOX", page),
      mailbox.status("INBOX"),
      mailbox.folders(),
      mailbox.list("INBOX", { limit: 7, after: null }),
    ]);
    const inbox = folders.find(({ role }) => role === "inbox")?.status?.messages;
    expect([listing.messages.length, status.messages, inbox, again.messages.length]).toEqual([20, 20, 20, 7]);
    expect(mailbox.unfinished).toBeNull();
  });

  it("sessions on one mailbox don't disturb each other", ["sessions at once"], async () => {
    const { mailbox, user } = await filled(10);
    const others = await Promise.all([open(user), open(user)]);
    const lists = await Promise.all([mailbox, ...others].map((one) => one.list("INBOX", page)));
    for (const list of lists) expect(list).toEqual(lists[0]);
  });

  it("a session that was closed says so, and never throws on closing", [], async () => {
    const { mailbox } = await filled(1);
    expect(mailbox.dead).toBe(false);
    await mailbox.close();
    expect(mailbox.dead).toBe(true);
    expect((await failureOf(mailbox.status("INBOX"))).code).toBe("upstream-unreachable");
    await mailbox.close();
  });
}
