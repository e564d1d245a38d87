import type { Message, Summary } from "../mail/message.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { identifyInFolders, type IdentifyMessages } from "./identify-messages.ts";
import { viewMessage } from "./view-message.ts";

/** A message that was seen in a folder. */
export type Seen = { folder: FolderRow; summary: Summary };

/** A message as the API tells it, and what was seen of it first. */
export type Viewed = { summary: Summary; message: Message };

/** Messages as the API tells them, in their order; one that lies in several of the folders is one, and names them all. */
export async function viewMessages(needs: IdentifyMessages, account: AccountRow, seen: Seen[]): Promise<Viewed[]> {
  const idOf = new Map<Summary, string>();
  const inFolders = [...Map.groupBy(seen, ({ folder }) => folder.number).values()].flatMap((some) => {
    const [first] = some;
    return first === undefined ? [] : [{ folder: first.folder, summaries: some.map(({ summary }) => summary) }];
  });
  const idsIn = await identifyInFolders(needs, account, inFolders);
  for (const [at, { summaries }] of inFolders.entries())
    for (const [index, summary] of summaries.entries()) idOf.set(summary, idsIn[at]?.[index] ?? "");
  const messages = new Map<string, Viewed>();
  for (const { folder, summary } of seen) {
    const id = idOf.get(summary) ?? "";
    const known = messages.get(id)?.message;
    if (known === undefined) {
      const message = viewMessage(summary, { id, accountId: account.id, folderIds: [folder.id] });
      messages.set(id, { summary, message });
    } else if (!known.folderIds.includes(folder.id)) known.folderIds.push(folder.id);
  }
  return [...messages.values()];
}
