import { expect, test } from "vitest";
import { attachmentOf, collect, failureOf } from "../failure-of.ts";
import { answers, firstPage, openDialog, place, three } from "./dialog.ts";
import { fetchResponse } from "./scripted-imap.ts";

const octetsOf = (sequence: number, uid: number, section: string, octets: string, origin = 0): string =>
  `* ${sequence} FETCH (UID ${uid} BODY[${section}]<${origin}> {${octets.length}}\r\n${octets})\r\n`;

test("octets of another message are not taken for those of the one asked for", async () => {
  const { mailbox } = await openDialog({
    script: (command, tag) => {
      if (command.startsWith("UID SEARCH")) return `* SEARCH 12\r\n${tag} OK\r\n`;
      if (command.startsWith("UID FETCH 12 (UID FLAGS")) {
        const parts = '(("text" "plain" NIL NIL NIL "7bit" 5 1)("a" "b" NIL NIL NIL "binary" 5) "mixed")';
        return `${fetchResponse(2, 12).replace(/(?<=BODYSTRUCTURE )\(.*?\)/, parts)}${tag} OK\r\n`;
      }
      const [, section, start] = /BODY\.PEEK\[(2?)\]<(\d+)\./.exec(command) ?? [];
      if (section === undefined) return undefined;
      const offset = Number(start);
      const own = octetsOf(2, 12, section, "right".slice(offset), offset);
      return `${octetsOf(1, 11, section, "wrong", offset)}${own}${tag} OK\r\n`;
    },
  });
  expect(String(await collect((await mailbox.openRaw(place)).stream))).toBe("right");
  expect(String(await collect(await attachmentOf(mailbox, place, "2")))).toBe("right");
});

test("text of another message is not taken for that of the one asked for", async () => {
  const wrong = octetsOf(1, 11, "1", "wrong");
  const { mailbox, server } = await openDialog({
    script: answers(
      [/^UID FETCH 12 \(UID FLAGS/, `${fetchResponse(2, 12)}<tag> OK\r\n`],
      [/^UID FETCH 12 \(UID BODY/, `${wrong}${octetsOf(2, 12, "1", "right")}<tag> OK\r\n`, `${wrong}<tag> OK\r\n`],
    ),
  });
  const { bodies } = await mailbox.get(place, { bodies: true });
  expect(bodies?.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["right"]);
  expect((await failureOf(mailbox.get(place, { bodies: true }))).code).toBe("message-gone");
  expect(server.commands.filter((command) => command.startsWith("UID FETCH 12 (UID BODY"))).toHaveLength(2);
});

test("a message that is left out of a listing is asked for only after the news", async () => {
  let isListed = false;
  let isTold = false;
  const { mailbox } = await openDialog({
    script: (command, tag) => {
      const ok = `${tag} OK\r\n`;
      if (command.startsWith("FETCH")) {
        isListed = true;
        return `${fetchResponse(1, 11)}${fetchResponse(3, 13)}${ok}`;
      }
      if (command === "NOOP" && isListed) {
        isTold = true;
        return `* 2 EXPUNGE\r\n${ok}`;
      }
      return command.startsWith("UID SEARCH") ? `* SEARCH 11${isTold ? "" : " 12"} 13\r\n${ok}` : undefined;
    },
  });
  const { messages } = await mailbox.list("INBOX", firstPage);
  expect(messages.map((message) => message.place.uid)).toEqual([13, 11]);
});

test.each<[what: string, command: RegExp, answer: string]>([
  ["LIST", /^LIST/, '* LIST () "/" INBOX\r\n* LIST (() "/" Other\r\n'],
  ["SEARCH", /^UID SEARCH/, "* SEARCH 11\r\n* SEARCH (12\r\n"],
  ["FETCH", /^FETCH/, `${three}* 2 FETCH (FLAGS (\\Seen)\r\n`],
])("an answer to %s of which a part can't be read is no answer", async (what, command, answer) => {
  const status = '* STATUS "INBOX" (MESSAGES 3 UNSEEN 0 UIDNEXT 14 UIDVALIDITY 7)\r\n';
  const { mailbox, server } = await openDialog({
    capability: "IMAP4rev1 OBJECTID LIST-EXTENDED LIST-STATUS SPECIAL-USE",
  });
  server.setScript(answers([command, `${what === "LIST" ? status : ""}${answer}<tag> OK\r\n`]));
  const asked =
    what === "LIST"
      ? mailbox.folders()
      : what === "SEARCH"
        ? mailbox.locate("INBOX", [{ kind: "emailId", value: "M1" }])
        : mailbox.list("INBOX", firstPage);
  expect((await failureOf(asked)).code).toBe("upstream-protocol-error");
  expect(mailbox.dead).toBe(true);
});
