import { Failure, type InputError, invalid } from "../errors.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { reaches } from "./find-account.ts";

/**
 * Checks an input's `accountIds`: each one the app's, and reached by the key. Null means all of the app, which only a key may say that
 * reaches them. Fails `validation-failed` with a pointer to each that is not here, whatever the reason.
 */
export async function requireAccounts(
  accounts: Pick<Store["accounts"], "get">,
  caller: Pick<AppCaller, "appId" | "accountIds">,
  ids: string[] | null,
): Promise<void> {
  if (ids === null) {
    if (caller.accountIds === null) return;
    throw invalid("/accountIds", "required", "A key that is bound to accounts names those that it is about.");
  }
  const found = await Promise.all(ids.map(async (id) => (reaches(caller, id) ? accounts.get(caller.appId, id) : null)));
  const errors: InputError[] = found.flatMap((account, at) =>
    account === null
      ? [{ pointer: `/accountIds/${at}`, code: "unknown-account", detail: "There is no such account here." }]
      : [],
  );
  if (errors.length > 0) throw new Failure("validation-failed", "Not all of these accounts are here.", { errors });
}
