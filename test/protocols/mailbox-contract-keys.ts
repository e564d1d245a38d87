import { expect } from "vitest";
import { maildropKeyText } from "../../src/mail/maildrop.ts";
import { type Bench, elsewhereOf, namesOf, noKeywords } from "./mailbox-bench.ts";

/** Maildrops: what they hold now, and summaries on either protocol. */
export function maildropWatching({ it, filled, next, deliver, lacks }: Bench): void {
  it("summaries leave out what is gone and tell flags as they are", [], async () => {
    const { mailbox, user } = await filled(5);
    const { messages } = await mailbox.list("INBOX", { limit: 50, after: null });
    const [first, second, third] = messages.map(({ place }) => place);
    if (!first || !second || !third) throw new Error("the inbox is empty");
    await mailbox.setFlags([first], { flags: { flagged: true }, keywords: noKeywords });
    await mailbox.remove([second]);
    const found = await (await next(mailbox, user)).summaries([third, second, elsewhereOf(first), first]);
    expect(namesOf({ messages: found })).toEqual(
      namesOf({ messages: [messages[2], messages[0]].flatMap((one) => one ?? []) }),
    );
    expect(found[1]?.flags.flagged).toBe(true);
  });

  // oxlint-disable-next-line vitest/expect-expect -- both kinds expect
  it("a maildrop tells the keys of all its messages, oldest first", [], async () => {
    const { mailbox, user } = await filled(5);
    const isMaildrop = lacks.folders !== undefined;
    expect(mailbox.watching.kind).toBe(isMaildrop ? "maildrop" : "folders");
    if (mailbox.watching.kind === "folders") return;
    const { messages } = await mailbox.list("INBOX", { limit: 50, after: null });
    const keys = (await mailbox.watching.keys()).map(maildropKeyText);
    expect(keys).toEqual(namesOf({ messages }).reverse());
    const later = await next(mailbox, user, () => deliver(user, "Subject: new\n\nnew\n"));
    if (later.watching.kind === "folders") throw new Error("this is no maildrop any more");
    const more = (await later.watching.keys()).map(maildropKeyText);
    expect(more.slice(0, -1)).toEqual(keys);
    expect(more).toHaveLength(6);
  });
}
