import { describe, expect, test } from "vitest";
import type { AppendWith } from "../../../src/mail/mailbox.ts";
import { createFakeClock } from "../../fake-clock.ts";
import { answers, openDialog } from "./dialog.ts";
import type { Script } from "./scripted-imap.ts";
import { failureOf } from "./session-on-dovecot.ts";

const message = Buffer.from("Message-ID: <new@x>\r\nSubject: new one\r\n\r\nhello there\r\n");
const plain: AppendWith = { flags: [], keywords: [], receivedAt: null };

/** Takes one literal, then answers; all else goes to `rest`. */
function takesLiteral(answer: string, rest: Script = () => undefined): Script {
  let appending: string | null = null;
  let lines = 0;
  return (command, tag, socket) => {
    if (appending !== null) {
      lines -= 1;
      if (lines > 0) return "";
      const told = answer.replaceAll("<tag>", appending);
      appending = null;
      return told;
    }
    if (!command.startsWith("APPEND")) return rest(command, tag, socket);
    appending = tag;
    lines = message.toString("latin1").split("\r\n").length;
    return "+ go on\r\n";
  };
}

/** A message as it is told after APPEND. */
function told(uid: number, change: { size?: number; messageId?: string | null; date?: string } = {}): string {
  const { size = message.length, messageId = "<new@x>", date = "23-Nov-2026 10:00:00 +0000" } = change;
  const fields = messageId === null ? "\r\n" : `Message-ID: ${messageId}\r\n\r\n`;
  return `* ${uid - 10} FETCH (UID ${uid} INTERNALDATE "${date}" RFC822.SIZE ${size} BODY[HEADER.FIELDS (MESSAGE-ID)] {${fields.length}}\r\n${fields})\r\n`;
}

test("stores with flags, keywords and the time, and tells where by APPENDUID", async () => {
  const { mailbox, server } = await openDialog({ script: takesLiteral("<tag> OK [APPENDUID 7 14] done\r\n") });
  const options: AppendWith = { flags: ["seen"], keywords: ["$Work"], receivedAt: Date.UTC(2026, 0, 5, 9, 8, 7, 999) };
  expect(await mailbox.append("Sent", message, options, 14)).toEqual({ path: "Sent", uidValidity: 7, uid: 14 });
  const at = server.commands.findIndex((command) => command.startsWith("APPEND"));
  expect(server.commands[at]).toBe(`APPEND "Sent" (\\Seen $Work) "05-Jan-2026 09:08:07 +0000" {${message.length}}`);
  expect(server.heard.slice(at + 1, at + 7).join("\r\n")).toBe(message.toString());
});

describe("without APPENDUID it is found", () => {
  const cases: [string, string, number | null][] = [
    ["alone", told(14), 14],
    ["beside others that came meanwhile", told(14, { messageId: "<other@x>" }) + told(15), 15],
    ["where the server counts its size otherwise", told(14, { size: 7 }) + told(15, { messageId: "<other@x>" }), 14],
    ["not where it stands twice", told(14) + told(15), null],
    ["not in a message from before, which `n:*` names too", told(13), null],
    ["not where another came only", told(14, { messageId: "<other@x>" }), null],
    ["not where the server tells nothing", "", null],
  ];
  test.each(cases)("%s", async (_, rows, uid) => {
    const found = answers([/^UID FETCH 14:\*/, `${rows}<tag> OK\r\n`]);
    const { mailbox } = await openDialog({ script: takesLiteral("<tag> OK done\r\n", found) });
    expect(await mailbox.append("Sent", message, plain, 14)).toEqual(uid && { path: "Sent", uidValidity: 7, uid });
  });

  test("by its time, where that was given", async () => {
    const rows = told(14, { date: "01-Jan-2020 00:00:00 +0000" }) + told(15);
    const found = answers([/^UID FETCH 14:\*/, `${rows}<tag> OK\r\n`]);
    const { mailbox } = await openDialog({ script: takesLiteral("<tag> OK done\r\n", found) });
    const receivedAt = Date.UTC(2026, 10, 23, 10, 0, 0, 500);
    expect((await mailbox.append("Sent", message, { ...plain, receivedAt }, 14))?.uid).toBe(15);
  });

  test("where the server tells no UIDNEXT, from the last message on", async () => {
    const found = answers(
      [/^SELECT/, "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n<tag> OK\r\n"],
      [/^FETCH \*/, "* 3 FETCH (UID 13)\r\n<tag> OK\r\n"],
      [/^UID FETCH 14:\*/, `${told(14)}<tag> OK\r\n`],
    );
    const { mailbox } = await openDialog({ script: takesLiteral("<tag> OK done\r\n", found) });
    expect((await mailbox.append("Sent", message, plain, null))?.uid).toBe(14);
  });

  test("and is stored all the same where looking for it fails", async () => {
    const found = answers([/^UID FETCH/, "<tag> NO not now\r\n"]);
    const { mailbox } = await openDialog({ script: takesLiteral("<tag> OK done\r\n", found) });
    expect(await mailbox.append("Sent", message, plain, 14)).toBeNull();
  });
});

test.each([
  ["NO [TOOBIG] too big", "message-too-large"],
  ["NO Message size exceeds the limit, too large", "message-too-large"],
  ["NO [OVERQUOTA] full", "refused-by-server"],
  ["NO Quota exceeded", "refused-by-server"],
  ["NO [LIMIT] enough", "refused-by-server"],
  ["NO [TRYCREATE] no such", "not-found"],
  ["NO [UNAVAILABLE] later", "upstream-throttled"],
  ["BAD what", "upstream-protocol-error"],
])('"%s" is %s, before the message and after it', async (answer, code) => {
  const before = await openDialog({ script: answers([/^APPEND/, `<tag> ${answer}\r\n`]) });
  const after = await openDialog({ script: takesLiteral(`<tag> ${answer}\r\n`) });
  for (const { mailbox, server } of [before, after]) {
    const failure = await failureOf(mailbox.append("Sent", message, plain, 14));
    expect(failure).toMatchObject({ code, upstream: { phase: "APPEND" } });
    expect(mailbox.dead).toBe(false);
    expect(await mailbox.status("Sent").catch(() => "another failure")).toBe("another failure");
    expect(server.commands.filter((command) => command.startsWith("APPEND"))).toHaveLength(1);
  }
});

test.each([
  ["APPENDLIMIT=20", () => undefined],
  ["APPENDLIMIT", answers([/^STATUS "Sent" \(APPENDLIMIT\)/, '* STATUS "Sent" (APPENDLIMIT 20)\r\n<tag> OK\r\n'])],
] as [string, Script][])("what is larger than %s is not sent", async (capability, script) => {
  const { mailbox, server } = await openDialog({ capability: `IMAP4rev1 ${capability}`, script });
  const error: unknown = await mailbox.append("Sent", message, plain, 14).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "message-too-large", details: { extra: { limit: 20 } } });
  expect(server.commands.filter((command) => command.startsWith("APPEND"))).toEqual([]);
});

test("flags that the folder can't hold, and a folder that is read-only, are told before anything is sent", async () => {
  const select = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [PERMANENTFLAGS (\\Seen)] p\r\n<tag> OK";
  const poor = await openDialog({ script: answers([/^SELECT/, `${select}\r\n`]) });
  for (const options of [
    { ...plain, keywords: ["$Work"] },
    { ...plain, flags: ["flagged" as const] },
  ])
    expect((await failureOf(poor.mailbox.append("Sent", message, options, 14))).code).toBe("unsupported-by-server");
  const closed = await openDialog({ script: answers([/^SELECT/, `${select} [READ-ONLY] r\r\n`]) });
  expect((await failureOf(closed.mailbox.append("Sent", message, plain, 14))).code).toBe("refused-by-server");
  const odd = { ...plain, keywords: ["two words"] };
  expect((await failureOf(poor.mailbox.append("Sent", message, odd, 14))).code).toBe("validation-failed");
  for (const { server } of [poor, closed])
    expect(server.commands.filter((command) => command.startsWith("APPEND"))).toEqual([]);
});

describe("a line that breaks before the answer leaves it open, and asks for no other try", () => {
  const unsettled = { details: { retryable: false, extra: { stored: "unknown" } } };

  test("when the server hangs up", async () => {
    const { mailbox } = await openDialog({ script: takesLiteral("* BYE that was it\r\n") });
    const error: unknown = await mailbox.append("Sent", message, plain, 14).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "upstream-unreachable", ...unsettled });
  });

  test("when it says nothing", async () => {
    const clock = createFakeClock();
    const { mailbox, server } = await openDialog({ script: takesLiteral("") }, { clock });
    const failed = mailbox.append("Sent", message, plain, 14).catch((thrown: unknown) => thrown);
    await expect.poll(() => server.heard.includes("hello there")).toBe(true);
    await clock.advance(31_000);
    expect(await failed).toMatchObject({ code: "upstream-timeout", ...unsettled });
  });

  test("only after as long as a slow line takes for a large one", async () => {
    const clock = createFakeClock();
    const { mailbox, server } = await openDialog({ script: answers([/^APPEND/, ""]) }, { clock });
    const large = Buffer.alloc(4 * 1024 * 1024, "a");
    const failed = mailbox.append("Sent", large, plain, 14).catch((thrown: unknown) => thrown);
    await expect.poll(() => server.heard.some((line) => line.includes("APPEND"))).toBe(true);
    await clock.advance(150_000);
    expect(mailbox.dead).toBe(false);
    await clock.advance(15_000);
    expect(await failed).toMatchObject({ code: "upstream-timeout", ...unsettled });
  });
});
