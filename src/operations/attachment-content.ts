import { Failure, type InputError } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import type { AttachmentInput } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { type AttachmentContent, isMessage } from "../mime/build-message.ts";
import { checkContentId, checkContentType } from "../mime/check-header.ts";
import { singleLine } from "../mime/single-line.ts";
import { attachments as attachmentsOf, findPart } from "../mime/walk.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { onMessage, type OneMessage, refOf } from "./find-message.ts";
import { openAttachment } from "./open-attachment.ts";
import { reading } from "./with-mailbox.ts";

export type AttachmentNeeds = OneMessage & {
  uploads: Pick<Store["uploads"], "get">;
  blobs: Pick<Store["blobs"], "read">;
};

/** For whom attachments are looked up; `signal` tells that the caller has left. */
export type Asking = { caller: AppCaller; account: AccountRow; signal: AbortSignal };

/** UTF-16 units of a file name that a stranger gave: three octets each stay under the 255 of a name. */
const maxFilename = 80;

/**
 * What attachments are made from. What is referred to is looked up now, so that a reference to nothing fails with its pointer
 * (`validation-failed`); its octets are read when they are asked for, on a session or from an upload that is given back at their end. A source
 * that fails, or that has another size by then, fails the reading.
 */
export async function attachmentContents(
  needs: AttachmentNeeds,
  asking: Asking,
  inputs: AttachmentInput[],
): Promise<AttachmentContent[]> {
  const wrong: InputError[] = [];
  /** The messages that are referred to, each looked up once. */
  const structures = new Map<string, Promise<Part | null>>();
  const contents: AttachmentContent[] = [];
  for (const [n, input] of inputs.entries()) {
    const found = await contentOf(needs, asking, input, structures);
    if ("code" in found) wrong.push({ ...found, pointer: `/attachments/${n}/${found.pointer}` });
    else contents.push(found);
  }
  const [first] = wrong;
  if (first === undefined) return contents;
  throw new Failure("validation-failed", `${first.pointer}: ${first.detail}`, { errors: wrong });
}

async function contentOf(
  needs: AttachmentNeeds,
  asking: Asking,
  input: AttachmentInput,
  structures: Map<string, Promise<Part | null>>,
): Promise<AttachmentContent | InputError> {
  const { contentId, inline } = input;
  if ("content" in input) {
    const { filename, contentType } = input;
    return { filename, contentType, content: Buffer.from(input.content, "base64"), contentId, inline };
  }
  if ("uploadId" in input) {
    const upload = await needs.uploads.get(asking.account.id, input.uploadId, needs.clock.now());
    if (upload === null) return noUpload;
    const { filename, contentType, blobId, size } = upload;
    const content = () => exactly(size, needs.blobs.read(blobId), "internal");
    return { filename, contentType, content, ...told(input) };
  }
  const { messageId, attachmentId } = input;
  const structure = structures.get(messageId) ?? structureOf(needs, asking, messageId);
  structures.set(messageId, structure);
  try {
    const found = referredTo(needs, asking, messageId, attachmentId, await structure);
    if (found === null) return noAttachment;
    return { ...found, ...told(input) };
  } catch (error) {
    if (!(error instanceof Failure) || (error.code !== "not-found" && error.code !== "message-gone")) throw error;
    return { pointer: "messageId", code: error.code, detail: error.message };
  }
}

const noUpload: InputError = {
  pointer: "uploadId",
  code: "not-found",
  detail: "There is no such upload, or it has expired.",
};
const noAttachment: InputError = {
  pointer: "attachmentId",
  code: "not-found",
  detail: "The message has no such attachment.",
};

/** What the caller says of an attachment, where he says it. */
function told({ filename, contentType, contentId, inline }: AttachmentInput): Partial<AttachmentContent> {
  return {
    ...(filename !== undefined && { filename }),
    ...(contentType !== undefined && { contentType }),
    ...(contentId !== undefined && { contentId }),
    ...(inline !== undefined && { inline }),
  };
}

async function structureOf(needs: OneMessage, { account, signal }: Asking, id: string): Promise<Part | null> {
  const ref = refOf(needs, account, id);
  const read = (mailbox: Mailbox) =>
    onMessage(needs, mailbox, account, { id, ref, folder: null }, async ({ place }) => {
      const { summary } = await mailbox.get(place, { structure: true });
      return summary.structure;
    });
  return reading(needs, account, read, signal);
}

/** An attachment of a message that is there, as the message tells of it; null where it has no such one. */
export function referredTo(
  needs: OneMessage,
  { caller, account, signal }: Asking,
  messageId: string,
  attachmentId: string,
  structure: Part | null,
): AttachmentContent | null {
  const found = structure && attachmentsOf(structure).find(({ id }) => id === attachmentId);
  const part = structure && findPart(structure, attachmentId.replace(/^att_/, ""));
  if (!found || part === null) return null;
  const asked = { id: messageId, attachmentId, folder: null, octets: "all", signal } as const;
  const isShown = found.inline && part.contentId !== null && checkContentId(part.contentId) === null;
  return {
    filename: part.filename === null ? null : singleLine(part.filename, maxFilename) || null,
    contentType: typeOf(part),
    contentId: isShown ? (part.contentId ?? undefined) : undefined,
    inline: isShown,
    async *content() {
      const { stream, size } = await openAttachment(needs)(caller, account.id, asked);
      if (stream !== null) yield* exactly(size, stream, "upstream-protocol-error");
    },
  };
}

/** What its octets mean, and no name. A type that no attachment of ours may have is a file. */
function typeOf({ contentType, parameters }: Part): string {
  const kept = ["charset", "method", "format", "delsp"].flatMap((name) => {
    const value = parameters[name];
    return value === undefined ? [] : [`; ${name}=${/^[\w.:+-]+$/.test(value) ? value : JSON.stringify(value)}`];
  });
  return [contentType + kept.join(""), contentType].find((type) => checkContentType(type) === null) ?? file;
}

const file = "application/octet-stream";

/** Fails with `code` where there are fewer octets or more; null: nobody knows how many there are. */
async function* exactly(
  size: number | null,
  octets: AsyncIterable<Uint8Array>,
  code: "internal" | "upstream-protocol-error",
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of octets) {
    seen += chunk.length;
    yield chunk;
  }
  if (size === null || seen === size) return;
  throw new Failure(code, "An attachment was not read to its end, so the message was not accepted.");
}

/**
 * A message in a message goes out as it is (RFC 2046 §5.2.1): no server takes a NUL in it, and `onEightBit` is told of octets above 127. Others are
 * encoded, and stay as they are.
 */
export function asItIs(attachment: AttachmentContent, pointer: string, onEightBit: () => void): AttachmentContent {
  const { contentType, content } = attachment;
  if (!isMessage(contentType)) return attachment;
  return {
    ...attachment,
    async *content() {
      for await (const chunk of content instanceof Uint8Array ? [content] : content()) {
        if (chunk.includes(0)) throw holdsNul(pointer);
        if (chunk.some((octet) => octet > 127)) onEightBit();
        yield chunk;
      }
    },
  };
}

function holdsNul(pointer: string): Failure {
  const detail = "A message that is attached goes out as it is, and no mail server takes the NUL in this one.";
  return new Failure("validation-failed", detail, {
    fix: "Attach it with another contentType, or leave the original's attachments out with includeAttachments.",
    errors: [{ pointer, code: "control-character", detail }],
  });
}
