import type { FlagChange } from "../mail/flags.ts";
import type { OriginalMessage, ReplyAction } from "../mail/submission.ts";
import type { AccountRow } from "../store/rows.ts";
import { changeFlags } from "./change-flags.ts";
import { type FindMessage, onMessage, refOf } from "./find-message.ts";
import type { OurDoing } from "./our-doing.ts";
import { writing, type WithMailbox } from "./with-mailbox.ts";

const answered: FlagChange = { flags: { answered: true }, keywords: { add: [], remove: [] } };
const forwarded: FlagChange = { flags: {}, keywords: { add: ["$Forwarded"], remove: [] } };
const changes: Record<ReplyAction, FlagChange> = { reply: answered, replyAll: answered, forward: forwarded };

/**
 * Marks what was answered as \Answered (RFC 9051 §2.3.2), what was forwarded as $Forwarded (RFC 5788 §3). Fails `message-gone`, `not-found`,
 * `no-incoming`, `unsupported-by-server` where the folder holds no such keyword, as lending a session does, or with what the server or the line failed with.
 */
export const flagOriginal =
  (needs: WithMailbox & FindMessage & OurDoing) =>
  async (account: AccountRow, { messageId, action }: OriginalMessage): Promise<void> => {
    const ref = refOf(needs, account, messageId);
    const { signal } = new AbortController();
    await writing(
      needs,
      account,
      (mailbox) =>
        onMessage(needs, mailbox, account, { id: messageId, folder: null, ref }, (found) =>
          changeFlags(needs, mailbox, account, found, changes[action]),
        ),
      signal,
    );
  };
