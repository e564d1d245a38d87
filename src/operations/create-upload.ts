import { Failure, invalid } from "../errors.ts";
import { orderedId, randomId } from "../mail/id.ts";
import type { Upload } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { checkContentType, checkHeaderText } from "../mime/check-header.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { UploadRow } from "../store/submission-rows.ts";
import { findAccount } from "./find-account.ts";
import { viewUpload } from "./view-upload.ts";

export type UploadAsked = {
  filename: string;
  /** Media type, as the request has it; null where it has none. */
  contentType: string | null;
  /** Reads the octets as they come, no more than `limit`. */
  read: (limit: number) => AsyncIterable<Uint8Array>;
};

type Needs = {
  accounts: Pick<Store["accounts"], "get">;
  blobs: Pick<Store["blobs"], "write">;
  uploads: Pick<Store["uploads"], "insert">;
  clock: Clock;
  /** Octets of an upload, at most. */
  maxMessage: number;
};

/** How long an upload can be attached to messages, milliseconds. */
const uploadLife = 86_400_000;

/** Octets of a file name. */
const maxFilename = 255;

/**
 * Takes in what is to be attached to messages, in constant memory: as often as wanted, until it expires. What does not come to
 * its end is not kept. Fails: `not-found`, `body-too-large`, `validation-failed` for the file name and for no octets at all,
 * `unsupported-media-type` for what can't be attached, and as `read` does.
 */
export const createUpload =
  (needs: Needs) =>
  async (caller: AppCaller, accountId: string, asked: UploadAsked): Promise<Upload> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const { filename } = asked;
    const unfit = checkHeaderText(filename, maxFilename);
    if (unfit !== null) throw invalid("?filename", unfit.code, unfit.detail);
    requireAttachable(asked.contentType);
    const contentType = asked.contentType ?? "application/octet-stream";

    const blobId = randomId("blb");
    const { size } = await needs.blobs.write(blobId, account.id, some(asked.read(needs.maxMessage)), needs.clock.now());
    const now = needs.clock.now();
    const row: UploadRow = {
      id: orderedId("upl", now),
      appId: account.appId,
      accountId: account.id,
      blobId,
      filename,
      contentType,
      size,
      createdAt: now,
      expiresAt: now + uploadLife,
    };
    await needs.uploads.insert(row);
    return viewUpload(row);
  };

/**
 * Whether what has this media type can be attached; else fails `unsupported-media-type`. A form is what some clients make of a file by themselves: as
 * an attachment it would be of no use to anybody.
 */
export function requireAttachable(contentType: string | null): void {
  if (contentType === null) return;
  const isForm = /^application\/x-www-form-urlencoded($|[ \t;])/i.test(contentType);
  if (!isForm && checkContentType(contentType) === null) return;
  throw new Failure("unsupported-media-type", "The Content-Type is of no file that can be attached.", {
    fix: "Send the file's octets as the body, without a form or a multipart around them, and its own media type.",
  });
}

async function* some(octets: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isEmpty = true;
  for await (const chunk of octets) {
    isEmpty &&= chunk.length === 0;
    yield chunk;
  }
  if (isEmpty) throw emptyUpload();
}

export function emptyUpload(): Failure {
  return invalid("", "empty", "The body is empty; an upload has at least one octet.");
}
