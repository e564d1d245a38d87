import { expect, test } from "vitest";
import type { Fetched, Mailbox } from "../../src/mail/mailbox.ts";
import type { Message, Summary } from "../../src/mail/message.ts";
import type { Part } from "../../src/mail/part.ts";
import { type Include, includeInMessages } from "../../src/operations/include-in-messages.ts";
import { viewMessage } from "../../src/operations/view-message.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, appRow } from "../store/rows.ts";

const mebibyte = 1024 * 1024;
const text: Part = {
  section: "1",
  contentType: "text/plain",
  parameters: {},
  disposition: null,
  filename: null,
  contentId: null,
  encoding: "7bit",
  encodedSize: 0,
  children: [],
};

function summary(uid: number): Summary {
  const nobody = { from: null, sender: null, replyTo: [], to: [], cc: [], bcc: [] };
  const envelope = { ...nobody, messageId: null, inReplyTo: null, references: [], subject: "x", date: null };
  return {
    place: { path: "INBOX", uidValidity: 1, uid },
    key: null,
    envelope,
    receivedAt: null,
    size: 1,
    flags: { seen: false, flagged: false, answered: false, draft: false },
    keywords: [],
    structure: text,
    warnings: [],
    thread: null,
  };
}

/** A server that tells of every part that it is empty, and then gives what `given` says. */
async function included(given: Pick<Fetched, "header" | "bodies">, include: Include[]): Promise<Message[]> {
  const mailbox = {
    dead: false,
    get: async (place: Summary["place"]) => ({ summary: { ...summary(1), place }, ...given }),
    headers: async (places: unknown[]) => places.map(() => null),
  } as unknown as Mailbox;
  const account = accountRow({ appId: appRow().id });
  const viewed = Array.from({ length: 200 }, (_, uid) => {
    const one = summary(uid + 1);
    return { summary: one, message: viewMessage(one, { id: `msg_${uid}`, accountId: account.id, folderIds: [] }) };
  });
  return includeInMessages(
    { clock: createFakeClock(), threadIdsOf: async () => [] },
    mailbox,
    account,
    viewed,
    include,
  );
}

test("a server that tells sizes that are too small makes no page larger", async () => {
  const bytes = Buffer.alloc(mebibyte, "a");
  const all = await included({ bodies: [{ part: text, bytes, truncated: false }] }, ["text"]);
  expect(all.filter((one) => one.text !== undefined).length).toBe(8);
  expect(all.slice(8).every(({ warnings }) => warnings.includes("body-omitted"))).toBe(true);
});

test("headers beside texts are cut as they are by themselves, and count", async () => {
  const header = Buffer.from(`A: b\r\n${`X-Long: ${"x".repeat(900)}\r\n`.repeat(1200)}\r\n`);
  const all = await included({ header, bodies: [] }, ["text", "headers"]);
  const told = all.filter((one) => one.headers !== undefined);
  expect(told.length).toBe(Math.ceil((8 * mebibyte) / header.length));
  for (const { headers, warnings } of told) {
    expect(JSON.stringify(headers).length).toBeLessThan(80 * 1024);
    expect(warnings).toContain("header-truncated");
  }
});
