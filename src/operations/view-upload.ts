import type { Upload } from "../mail/submission.ts";
import { timestamp } from "../mail/time.ts";
import type { UploadRow } from "../store/submission-rows.ts";

export function viewUpload(row: UploadRow): Upload {
  return {
    id: row.id,
    accountId: row.accountId,
    filename: row.filename,
    contentType: row.contentType,
    size: row.size,
    createdAt: timestamp(row.createdAt),
    expiresAt: timestamp(row.expiresAt),
  };
}
