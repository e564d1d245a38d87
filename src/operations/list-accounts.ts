import type { Account } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { type Page, pageOfRows, startOf } from "./cursor.ts";
import { viewAccount } from "./view-account.ts";

/** The accounts that the key reaches, ascending by id. Fails `invalid-cursor`. */
export const listAccounts =
  (needs: { accounts: Pick<Store["accounts"], "list">; cursorKey: Uint8Array }) =>
  async (
    caller: AppCaller,
    input: { limit: number; cursor?: string | undefined; externalId?: string | undefined },
  ): Promise<Page<Account>> => {
    const { limit, cursor } = input;
    const externalId = input.externalId ?? null;
    const filter = ["accounts", caller.appId, caller.accountIds, externalId];
    const after = startOf(needs.cursorKey, filter, cursor);
    const page = { after, limit: limit + 1, externalId, ids: caller.accountIds };
    const rows = await needs.accounts.list(caller.appId, page);
    return pageOfRows(needs.cursorKey, filter, rows, limit, viewAccount);
  };
