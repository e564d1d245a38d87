import { afterEach, describe, expect, test } from "vitest";
import type { ImapPlace, Summary } from "../../../src/mail/message.ts";
import { maxEnvelopeOctets } from "../../../src/mime/parse-envelope.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { type Dialog, fetchResponse, type ScriptedImap, scriptedTarget, startScripted } from "./scripted-imap.ts";

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

/** What a listing tells of one message. */
async function listed(dialog: Dialog): Promise<{ summary: Summary<ImapPlace> | undefined; server: ScriptedImap }> {
  const server = await startScripted({ exists: 1, ...dialog });
  running.push(() => server.stop());
  const mailbox = await openImap(scriptedTarget(server));
  running.push(() => mailbox.close());
  const place = { path: "INBOX", uidValidity: 1, uid: 11 };
  const { uidValidity, messages } = await mailbox.list("INBOX", { limit: 5, after: null });
  const got = await mailbox.get({ ...place, uidValidity }, {});
  expect(got.summary.envelope).toEqual(messages[0]?.envelope);
  return { summary: messages[0], server };
}

describe("the server's own id of a conversation", () => {
  test.each([
    ["IMAP4rev1 OBJECTID", " EMAILID (M1) THREADID (T77)", "T77"],
    ["IMAP4rev1 OBJECTID", " EMAILID (M1) THREADID NIL", null],
    ["IMAP4rev1 X-GM-EXT-1", " X-GM-MSGID 12 X-GM-THRID 18446744073709551615", "18446744073709551615"],
    ["IMAP4rev1 X-GM-EXT-1", " X-GM-MSGID 12 X-GM-THRID oops", null],
    ["IMAP4rev1", "", null],
  ])("%s, %s", async (capability, told, thread) => {
    const { summary, server } = await listed({
      capability,
      script: (command, tag) =>
        /^(?:UID )?FETCH/.test(command) ? `${fetchResponse(1, 11, told)}${tag} OK done\r\n` : undefined,
    });
    expect(summary?.thread).toBe(thread);
    const [fetch = ""] = server.commands.filter((command) => command.startsWith("FETCH"));
    expect(/THREADID|X-GM-THRID/.exec(fetch)?.[0] ?? "").toBe(
      capability.includes("OBJECTID") ? "THREADID" : capability.includes("X-GM") ? "X-GM-THRID" : "",
    );
  });
});

describe("a server that announces conversations and refuses to tell them", () => {
  const capability = "IMAP4rev1 OBJECTID";

  test.each(["BAD what?", "NO never heard of it"])("is asked without: %s", async (refused) => {
    const { summary, server } = await listed({
      capability,
      script: (command, tag) => {
        if (!/^(?:UID )?FETCH/.test(command)) return undefined;
        return command.includes("THREADID")
          ? `${tag} ${refused}\r\n`
          : `${fetchResponse(1, 11, " EMAILID (M1)")}${tag} OK done\r\n`;
      },
    });
    expect(summary?.thread).toBeNull();
    expect(summary?.key).toEqual({ kind: "emailId", value: "M1" });
    expect(server.commands.filter((command) => command.includes("THREADID"))).toHaveLength(1);
  });

  test("is asked again where it refuses everything, for another reason then", async () => {
    let refuses = true;
    const server = await startScripted({
      exists: 1,
      capability,
      script: (command, tag) => {
        if (!/^(?:UID )?FETCH/.test(command)) return undefined;
        if (refuses) return `${tag} NO not now\r\n`;
        return `${fetchResponse(1, 11, " EMAILID (M1) THREADID (T77)")}${tag} OK done\r\n`;
      },
    });
    running.push(() => server.stop());
    const mailbox = await openImap(scriptedTarget(server));
    running.push(() => mailbox.close());
    await expect(mailbox.list("INBOX", { limit: 5, after: null })).rejects.toThrow("refused the command");
    refuses = false;
    const { messages } = await mailbox.list("INBOX", { limit: 5, after: null });
    expect(messages[0]?.thread).toBe("T77");
  });
});

describe("References", () => {
  const head = "Date: Thu, 1 Jan 2026 10:00:00 +0000\r\n";
  const tail = "Subject: at the end\r\nFrom: a@x.test\r\nMessage-ID: <me@x>\r\n";
  const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `<${n}.${"x".repeat(60)}@x.test>`);
  const field = (values: string[]): string => `References: ${values.join("\r\n ")}\r\n`;

  /** A server that has a header, and gives those fields of it that it is asked for. */
  function having(fields: string[]): Dialog {
    return {
      script(command, tag) {
        const asked = /HEADER\.FIELDS \(([^)]*)\)\](?:<0\.(\d+)>)?/i.exec(command);
        if (!/^(?:UID )?FETCH/.test(command)) return undefined;
        if (asked === null) return `* 1 FETCH (UID 11 FLAGS ())\r\n${tag} OK done\r\n`;
        const names = (asked[1] ?? "").toLowerCase().split(" ");
        const given = fields.filter((one) => names.includes(one.slice(0, one.indexOf(":")).toLowerCase()));
        const octets = `${given.join("")}\r\n`.slice(0, asked[2] === undefined ? undefined : Number(asked[2]));
        const item = `BODY[HEADER.FIELDS (${asked[1]})]${asked[2] === undefined ? "" : "<0>"} {${octets.length}}\r\n${octets}`;
        const rest = `FLAGS () INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE 100`;
        const structure = command.includes("BODYSTRUCTURE")
          ? ` BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 5 1)`
          : "";
        return `* 1 FETCH (UID 11 ${rest}${structure} ${item})\r\n${tag} OK done\r\n`;
      },
    };
  }
  const fieldsOf = (references: string): string[] => [head, references, ...tail.split(/(?<=\r\n)/)];

  test("are told with the envelope, oldest first", async () => {
    const { summary, server } = await listed(having(fieldsOf("References: <a@x>\r\n <b@x> <a@x>\r\n")));
    expect(summary?.envelope.references).toEqual(["<a@x>", "<b@x>"]);
    expect(server.commands.filter((command) => command.startsWith("FETCH"))).toHaveLength(1);
  });

  test("of more than a hundred the first ten and the last ninety", async () => {
    const many = ids(300);
    const { summary } = await listed(having(fieldsOf(field(many))));
    expect(summary?.envelope.references).toEqual([...many.slice(0, 10), ...many.slice(-90)]);
    expect(summary?.warnings).toEqual([]);
  });

  test("that are endless cut no other field", async () => {
    const server = await startScripted({ exists: 1, ...having(fieldsOf(field(ids(3_000)))) });
    running.push(() => server.stop());
    const mailbox = await openImap(scriptedTarget(server));
    running.push(() => mailbox.close());
    const { messages } = await mailbox.list("INBOX", { limit: 5, after: null });
    const { envelope, warnings } = messages[0] ?? {};
    expect(envelope?.subject).toBe("at the end");
    expect(envelope?.from?.email).toBe("a@x.test");
    expect(envelope?.messageId).toBe("<me@x>");
    expect(envelope?.references).toHaveLength(100);
    expect(envelope?.references.slice(0, 10)).toEqual(ids(10));
    expect(warnings).toEqual([]);
    const asked = server.commands.filter((command) => command.includes("HEADER.FIELDS"));
    expect(asked.map((command) => command.includes("REFERENCES"))).toEqual([true, false]);
  });

  test("have nothing to do with a header that is cut for its other fields", async () => {
    const to = `To: ${Array.from({ length: 5_000 }, (_, n) => `someone${n}@x.test`).join(",\r\n ")}\r\n`;
    expect(to.length).toBeGreaterThan(maxEnvelopeOctets);
    const server = await startScripted({ exists: 1, ...having([head, to, field(ids(5))]) });
    running.push(() => server.stop());
    const mailbox = await openImap(scriptedTarget(server));
    running.push(() => mailbox.close());
    const { messages } = await mailbox.list("INBOX", { limit: 5, after: null });
    expect(messages[0]?.warnings).toEqual(["header-truncated"]);
    expect(messages[0]?.envelope.references).toEqual([]);
    expect(server.commands.filter((command) => command.includes("HEADER.FIELDS"))).toHaveLength(1);
  });
});
