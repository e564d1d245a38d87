import { Failure } from "../errors.ts";
import type { AppRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** Fails `not-found`. */
export async function findApp(apps: Pick<Store["apps"], "get">, id: string): Promise<AppRow> {
  const row = await apps.get(id);
  if (row === null) throw new Failure("not-found", "There is no such app.");
  return row;
}
