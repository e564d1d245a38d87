import { createSecretKey } from "node:crypto";
import { Failure } from "../../src/errors.ts";
import { encodeMessageId } from "../../src/mail/id.ts";
import type { Fetched, Mailbox, Wanted } from "../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../src/mail/message.ts";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import { parsedBodies } from "../../src/mime/asked-parts.ts";
import { parseEnvelope } from "../../src/mime/parse-envelope.ts";
import { parseRaw } from "../../src/mime/parse-raw.ts";
import { findPart } from "../../src/mime/walk.ts";
import { createSubmission } from "../../src/operations/create-submission.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { folderRow } from "../store/rows.ts";
import { collect } from "../mime/random.ts";
import { cut, openSendingHouse } from "./sending-house.ts";

export type ReplyHouse = Awaited<ReturnType<typeof openReplyHouse>>;

export const bare: SubmissionInput = { bcc: [], replyTo: [], attachments: [], headers: [], metadata: {} };

/** What creates submissions, with an account whose mailbox holds the messages that were put into it. */
export async function openReplyHouse(options: { maxMessage?: number } = {}) {
  const house = await openSendingHouse(options);
  const account = await house.account({ name: "Alice" });
  const inbox = folderRow(account.id, "INBOX", { role: "inbox" });
  await house.store.folders.save(account.id, { added: [inbox], changed: [] });
  const [folder] = await house.store.folders.list(account.id);
  if (folder === undefined) throw new Error("no inbox");

  const messages = new Map<number, Buffer>();
  const idKey = createSecretKey(Buffer.alloc(32, 7));
  /** What became of the loans, and what was read. */
  const seen = { open: 0, most: 0, gets: 0, opened: [] as string[] };
  const breaks = { stream: null as Failure | null };

  function raw({ uid }: ImapPlace): Buffer {
    const found = messages.get(uid);
    if (found === undefined) throw new Failure("message-gone", "The message is no longer there.");
    return found;
  }

  const session = {
    dead: false,
    capabilities: () => ({}),
    folders: async () => [],
    async get(place: ImapPlace, wanted: Wanted): Promise<Fetched> {
      seen.gets += 1;
      const octets = raw(place);
      const parsed = parseRaw(octets);
      const header = octets.subarray(0, octets.indexOf("\r\n\r\n") + 4);
      const { envelope, warnings } = parseEnvelope(header);
      return {
        summary: {
          place,
          key: null,
          thread: null,
          envelope,
          warnings,
          receivedAt: null,
          size: octets.length,
          keywords: [],
          flags: { seen: false, flagged: false, answered: false, draft: false },
          structure: parsed.structure,
        },
        ...(wanted.headers && { header }),
        ...(wanted.bodies && { bodies: parsedBodies(parsed) }),
      };
    },
    async openAttachment(place: ImapPlace, section: string) {
      seen.opened.push(section);
      const { structure, bodyOf } = parseRaw(raw(place));
      const part = findPart(structure, section);
      if (part === null) throw new Failure("not-found", "There is no such part.");
      const octets = bodyOf(part) ?? new Uint8Array();
      async function* stream(): AsyncGenerator<Uint8Array> {
        const middle = octets.length >> 1;
        yield* cut(octets.subarray(0, middle), 64 * 1024);
        if (breaks.stream !== null) throw breaks.stream;
        yield* cut(octets.subarray(middle), 64 * 1024);
      }
      return { part, stream: stream() };
    },
  } as unknown as Mailbox;

  const lend = async () => {
    seen.open += 1;
    seen.most = Math.max(seen.most, seen.open);
    let isOver = false;
    const end = (): void => {
      if (!isOver) seen.open -= 1;
      isOver = true;
    };
    return { session, fresh: true, release: end, discard: end, failed() {}, leave: end, pauseMs: 30_000 };
  };
  const needs = { ...house.needs, mailboxes: { lend }, idKey: () => idKey, places: createPlaceCache(10) };
  const create = createSubmission(needs);
  let keys = 0;

  return {
    ...house,
    needs,
    account,
    newAccount: (change: Partial<AccountRow> = {}) => house.account(change),
    seen,
    /** Set: streams of attachments fail in their middle. */
    breaks,
    /** A message in the inbox; its id. */
    put(lines: string[] | Buffer): string {
      const uid = messages.size + 1;
      messages.set(uid, Buffer.isBuffer(lines) ? lines : Buffer.from(lines.join("\r\n")));
      return encodeMessageId({ tier: "tracked", origin: { folder: folder.number, uidValidity: 7, uid } }, idKey);
    },
    remove: () => messages.clear(),
    create: async (input: Partial<SubmissionInput>, of: AccountRow = account) =>
      (await create(house.caller, of.id, { ...bare, ...input }, { idempotencyKey: `key-${++keys}`, waitSeconds: 0 }))
        .submission,
    /** The message as it is to go out. */
    async built(id: string): Promise<Buffer> {
      const row = await house.store.submissions.get(account.id, id);
      return collect(house.store.blobs.read(row?.blobId ?? ""));
    },
  };
}
