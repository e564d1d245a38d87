import { Failure } from "../../errors.ts";
import type { FolderStatus, NativeFolder } from "../../mail/folder.ts";
import { maildropKeyText } from "../../mail/maildrop.ts";
import { type Call, inbox } from "./call.ts";

/** How many messages there are, and how many that nobody has marked as seen here. */
export async function folderStatus({ maildrop, kept, until }: Call): Promise<FolderStatus> {
  const seen = await kept.flags.having("seen");
  const numbers = await maildrop.find(seen, until);
  // A twin's fingerprint may stand for a message that has another name.
  const isItsOwn = ([text, number]: [string, number]): boolean => {
    const key = maildrop.keyOf(number);
    return key !== null && maildropKeyText(key) === text;
  };
  const messages = maildrop.numbers.length;
  const unseen = messages - [...numbers].filter(isItsOwn).length;
  return { messages, unseen, uidValidity: 0, uidNext: null, modSeq: null };
}

/** The one folder that a maildrop is; without its counts where it takes too long to tell which messages were seen. */
export async function listFolders(call: Call): Promise<NativeFolder[]> {
  return [
    {
      path: inbox,
      name: inbox,
      parentPath: null,
      delimiter: null,
      role: "inbox",
      selectable: true,
      subscribed: true,
      mailboxId: null,
      status: await folderStatus(call).catch((error: unknown) => {
        if (error instanceof Failure && error.code === "upstream-timeout" && !call.session.dead) return null;
        throw error;
      }),
    },
  ];
}
