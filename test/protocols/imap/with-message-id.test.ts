import { describe, expect, test } from "vitest";
import { answers, openDialog } from "./dialog.ts";
import { failureOf } from "./session-on-dovecot.ts";

/** What is told of a message's Message-ID: its header field as it stands. */
function told(uid: number, field: string): string {
  const octets = Buffer.from(`${field}\r\n\r\n`);
  return `* ${uid - 10} FETCH (UID ${uid} BODY[HEADER.FIELDS (MESSAGE-ID)] {${octets.length}}\r\n${octets.toString("latin1")})\r\n`;
}

const id = "<sub.1@postern.test>";
const uidsOf = (places: { uid: number }[]): number[] => places.map(({ uid }) => uid);

describe("in a folder with few messages", () => {
  test("their headers are read, and nothing is searched for", async () => {
    const rows =
      told(11, `Message-ID: ${id}`) + told(12, `Message-ID: <x${id.slice(1)}`) + told(13, `message-id:\r\n ${id}`);
    const { mailbox, server } = await openDialog({ script: answers([/^FETCH 1:3 /, `${rows}<tag> OK\r\n`]) });
    expect(await mailbox.withMessageId("Sent", id)).toEqual([
      { path: "Sent", uidValidity: 7, uid: 13 },
      { path: "Sent", uidValidity: 7, uid: 11 },
    ]);
    expect(server.commands.some((command) => command.includes("SEARCH"))).toBe(false);
  });

  test("an empty one is asked for nothing, nor is any for what no header can hold", async () => {
    const empty = await openDialog({ exists: 0 });
    expect(await empty.mailbox.withMessageId("Sent", id)).toEqual([]);
    const { mailbox, server } = await openDialog({});
    for (const hostile of ["", "<a@b>\r\nA1 DELETE INBOX", "<a\u0000b@c>"])
      expect(await mailbox.withMessageId("Sent", hostile)).toEqual([]);
    expect(server.heard.some((line) => line.includes("DELETE") || line.includes("FETCH"))).toBe(false);
  });

  test("a folder that is not there is named", async () => {
    const { mailbox } = await openDialog({ script: answers([/^SELECT "Nowhere"/, "<tag> NO [NONEXISTENT] none\r\n"]) });
    expect((await failureOf(mailbox.withMessageId("Nowhere", id))).code).toBe("not-found");
  });
});

describe("in a folder with many", () => {
  const exists = 5_000;

  test("what a search finds counts only where the header is this one, and what came just now is seen without it", async () => {
    const { mailbox, server } = await openDialog({
      exists,
      script: answers(
        [/^FETCH 4951:5000 /, `${told(4990, `Message-ID: ${id}`)}<tag> OK\r\n`],
        [/^UID SEARCH HEADER MESSAGE-ID "sub\.1@postern\.test"/, "* SEARCH 20 21 22\r\n<tag> OK\r\n"],
        [
          /^UID FETCH 20:22 /,
          `${told(20, `Message-ID: ${id}`)}${told(21, `Message-ID: <sub.1@postern.test.example>`)}${told(22, "X: y")}<tag> OK\r\n`,
        ],
      ),
    });
    expect(uidsOf(await mailbox.withMessageId("Sent", id))).toEqual([4990, 20]);
    expect(server.commands.filter((command) => command.startsWith("UID SEARCH"))).toHaveLength(1);
  });

  test.each(["NO no such search", "BAD what is HEADER"])(
    "a server that says %s is asked for more headers",
    async (answer) => {
      const { mailbox } = await openDialog({
        exists,
        script: answers(
          [/^FETCH 4951:5000 /, "<tag> OK\r\n"],
          [/^UID SEARCH/, `<tag> ${answer}\r\n`],
          [/^FETCH 4001:5000 /, `${told(4100, `Message-ID: ${id}`)}<tag> OK\r\n`],
        ),
      });
      expect(uidsOf(await mailbox.withMessageId("Sent", id))).toEqual([4100]);
    },
  );

  test.each([
    ['<"a\\"b* %(c)"@postern.example>', 'HEADER MESSAGE-ID "@postern.example"'],
    [`<${"long".repeat(200)}@x>`, `HEADER MESSAGE-ID "${"long".repeat(50)}"`],
    ["<größenwahn@x>", 'HEADER MESSAGE-ID "enwahn@x"'],
    ["<ä@ü>", "CHARSET UTF-8 HEADER MESSAGE-ID {7}"],
  ])("a piece is searched for that every server reads alike, %#", async (messageId, searched) => {
    const row = told(20, `Message-ID: ${messageId}`);
    const found = "* SEARCH 20\r\n";
    const { mailbox, server } = await openDialog({
      exists,
      script: (command, tag) => {
        if (command.startsWith("FETCH")) return `${tag} OK\r\n`;
        if (command.startsWith("UID FETCH 20 ")) return `${row}${tag} OK\r\n`;
        if (command.startsWith("UID SEARCH CHARSET")) return "+ go on\r\n";
        return command.startsWith("UID SEARCH") ? `${found}${tag} OK\r\n` : undefined;
      },
    });
    const looking = mailbox.withMessageId("Sent", messageId);
    if (searched.startsWith("CHARSET")) {
      while (!server.commands.some((command) => command.startsWith("UID SEARCH"))) await new Promise(setImmediate);
      await mailbox.close();
      await looking.catch(() => {});
    } else await looking;
    expect(server.commands.filter((command) => command.startsWith("UID SEARCH"))).toEqual([`UID SEARCH ${searched}`]);
  });
});
