import type { KeyObject } from "node:crypto";
import type { Summary } from "../mail/message.ts";
import { nodesOf, threadOf } from "../mail/thread.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

export type ThreadIdsOf = {
  threads: Pick<Store["threads"], "of">;
  /** Opens the account's sealed id key. */
  idKey: (account: AccountRow) => KeyObject;
};

/** The threads of messages, in their order: known ones, or the ones that they would begin. One query, however many there are. */
export const threadIdsOf =
  (needs: ThreadIdsOf) =>
  async (account: AccountRow, summaries: Summary[]): Promise<string[]> => {
    const idKey = needs.idKey(account);
    const nodes = summaries.map((summary) => nodesOf(idKey, summary));
    const known = nodes.flatMap(({ all }) => all);
    const links = known.length === 0 ? new Map<string, string>() : await needs.threads.of(account.id, known);
    return nodes.map((one) => threadOf(one, links));
  };
