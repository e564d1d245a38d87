import { Failure } from "../errors.ts";
import type { Fetched, Mailbox } from "../mail/mailbox.ts";
import type { Message, Summary } from "../mail/message.ts";
import { askedParts } from "../mime/asked-parts.ts";
import { parseHeaders } from "../mime/headers.ts";
import { maxPreviewOctets, preview } from "../mime/preview.ts";
import { previewPart } from "../mime/walk.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow } from "../store/rows.ts";
import { viewText } from "./view-content.ts";

/** What a list tells of its messages only where that is asked for, because it costs more than the rest. */
export const includes = ["preview", "text", "html", "references", "headers", "threadId"] as const;
export type Include = (typeof includes)[number];

/** Octets that are downloaded for the texts of one page, and milliseconds that it may take. A server may tell sizes that are too small: what came counts. */
const mostText = { octets: 8 * 1024 * 1024, ms: 20_000 };
/** Octets of one header block. */
const maxHeader = 64 * 1024;

export type IncludeInMessages = {
  clock: Clock;
  /** The threads of messages, in their order. */
  threadIdsOf: (account: AccountRow, summaries: Summary[]) => Promise<string[]>;
};

/**
 * The messages of a page, as they are viewed already, with what else is asked for, on the same loan. What can't be had stays absent:
 * a preview where only the whole message would tell it; a text that is beyond the page's 8 MiB or 20 seconds, or that the server
 * does not give, with the warning `body-omitted`. Fails with what ends the session.
 */
export async function includeInMessages(
  needs: IncludeInMessages,
  mailbox: Mailbox,
  account: AccountRow,
  viewed: { summary: Summary; message: Message }[],
  include: Include[],
): Promise<Message[]> {
  const wants = (...some: Include[]): boolean => some.some((one) => include.includes(one));
  const all = viewed.map(({ summary }): Row => ({ summary, message: {}, warnings: [] }));
  if (wants("references")) for (const { summary, message } of all) message.references = summary.envelope.references;
  if (wants("threadId")) {
    const summaries = viewed.map(({ summary }) => summary);
    const threads = await needs.threadIdsOf(account, summaries);
    for (const [index, { message }] of all.entries()) {
      const threadId = threads[index];
      if (threadId !== undefined) message.threadId = threadId;
    }
  }
  if (wants("text", "html")) await addTexts(needs.clock, mailbox, all, wants);
  if (wants("headers")) await addHeaders(mailbox, all);
  if (wants("preview")) await addPreviews(mailbox, all);
  return viewed.map(({ message: view }, index) => {
    const { message, warnings } = all[index] ?? { message: {}, warnings: [] };
    return { ...view, ...message, warnings: [...new Set([...view.warnings, ...warnings])] };
  });
}

/** What is to be added to a message of the page. */
type Row = { summary: Summary; message: Partial<Message>; warnings: string[] };

async function addTexts(
  clock: Clock,
  mailbox: Mailbox,
  rows: Row[],
  wants: (...some: Include[]) => boolean,
): Promise<void> {
  const until = clock.now() + mostText.ms;
  let left = mostText.octets;
  for (const row of rows) {
    const { summary, message, warnings } = row;
    const cost = octetsOf(summary);
    const isAffordable = left > 0 && cost <= left && clock.now() < until;
    const wanted = { bodies: true, headers: wants("headers") };
    const fetched = isAffordable ? await givenOrNull(mailbox, () => mailbox.get(summary.place, wanted)) : null;
    if (fetched === null) {
      warnings.push("body-omitted");
      continue;
    }
    left -= Math.max(cost, octetsIn(fetched));
    const told = await viewText(fetched);
    warnings.push(...told.warnings);
    if (wants("text")) message.text = told.text ?? null;
    if (wants("html")) message.html = told.html ?? null;
    if (wants("preview")) message.preview = told.preview ?? "";
    if (fetched.header) tellHeaders(row, fetched.header);
  }
}

function octetsIn({ header, bodies = [] }: Fetched): number {
  return bodies.reduce((sum, { bytes }) => sum + bytes.length, header?.length ?? 0);
}

/** What its texts cost to download: where nobody knows what it is made of it is read whole. */
function octetsOf({ structure, size }: Summary): number {
  if (structure === null) return size;
  return askedParts(structure).reduce((sum, { part, length }) => sum + Math.min(part.encodedSize, length), 0);
}

async function addHeaders(mailbox: Mailbox, all: Row[]): Promise<void> {
  const rows = all.filter(({ message }) => message.headers === undefined);
  const places = rows.map(({ summary }) => summary.place);
  const blocks = await givenOrNull(mailbox, () => mailbox.headers(places, maxHeader));
  for (const [index, row] of rows.entries()) {
    const block = blocks?.[index];
    if (block) tellHeaders(row, block);
  }
}

function tellHeaders({ message, warnings }: Row, block: Uint8Array): void {
  message.headers = parseHeaders(block.subarray(0, maxHeader));
  if (block.length >= maxHeader) warnings.push("header-truncated");
}

async function addPreviews(mailbox: Mailbox, all: Row[]): Promise<void> {
  const rows = all.filter(({ message }) => message.preview === undefined);
  const summaries = rows.map(({ summary }) => summary);
  const told = await givenOrNull(mailbox, () => mailbox.beginnings(summaries, maxPreviewOctets));
  for (const [index, { message, summary }] of rows.entries()) {
    const beginning = told?.[index];
    if (beginning) message.preview = await preview(beginning.part, beginning.bytes, beginning.truncated);
    else if (isTextless(summary)) message.preview = "";
  }
}

/** It is known to have no text at all. */
function isTextless({ structure }: Summary): boolean {
  if (structure === null) return false;
  const part = previewPart(structure);
  return part === null || part.encodedSize === 0;
}

const refusals: ReadonlySet<string> = new Set(["message-gone", "refused-by-server", "upstream-protocol-error"]);

/** Null where the server does not give it and the session goes on: then a page is told without. */
async function givenOrNull<T extends Fetched | unknown[]>(mailbox: Mailbox, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (mailbox.dead || !(error instanceof Failure) || !refusals.has(error.code)) throw error;
    return null;
  }
}
