import { keyText, nativeKey } from "../mail/id.ts";
import type { NativeKey } from "../mail/message.ts";
import type { AccountRow, FolderRow, SnapshotChunk } from "../store/rows.ts";
import { findKeys } from "./snapshot.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

/** Where a key stands in the snapshot of another folder. */
export type Elsewhere = { folder: FolderRow; uid: number };

/** Which of these keys name a message for life in this account: none on the tracked tier, and none that stands twice. */
export async function lastingKeys(needs: LookNeeds, account: AccountRow, keys: string[]): Promise<Set<string>> {
  const wanted = account.idStability === "permanent" ? keys.filter((key) => nativeKey(key) !== null) : [];
  if (wanted.length === 0) return new Set();
  const split = await needs.splitKeys.among(account.id, wanted);
  return new Set(wanted.filter((key) => !split.has(key)));
}

/** Looks keys up in the snapshots of the watched folders but this one (null: of all); each snapshot is read once, when it is first asked for. */
export function otherSnapshots(needs: LookNeeds, turn: FolderTurn, here: number | null) {
  const others = turn.watched.filter(({ number }) => number !== here);
  let chunks: Promise<{ folder: FolderRow; chunks: SnapshotChunk[] }[]> | null = null;
  const read = () =>
    Promise.all(
      others.map(async (folder) => ({ folder, chunks: await needs.watches.chunks(turn.account.id, folder.number) })),
    );
  return {
    others,
    /** Forgets what was read: a folder has been looked at meanwhile. */
    again(): void {
      chunks = null;
    },
    async find(keys: Iterable<string>): Promise<Map<string, Elsewhere[]>> {
      const wanted = [...keys];
      const found = new Map<string, Elsewhere[]>();
      if (wanted.length === 0) return found;
      for (const { folder, chunks: held } of await (chunks ??= read()))
        for (const [key, uid] of findKeys(held, wanted)) found.set(key, [...(found.get(key) ?? []), { folder, uid }]);
      return found;
    },
  };
}

export type OtherSnapshots = ReturnType<typeof otherSnapshots>;

/** In which folders messages of one folder lie, by their keys, as far as the snapshots know; that one first. Ids, in order. */
export async function foldersOf(
  needs: LookNeeds,
  account: AccountRow,
  { id }: Pick<FolderRow, "id">,
  others: OtherSnapshots,
  keys: string[],
): Promise<string[][]> {
  const elsewhere = await others.find(await lastingKeys(needs, account, keys));
  return keys.map((key) => [id, ...(elsewhere.get(key) ?? []).map((copy) => copy.folder.id)]);
}

/** A summary's key as text, "" for none. */
export function textOf(key: NativeKey | null): string {
  return key === null ? "" : keyText(key);
}
