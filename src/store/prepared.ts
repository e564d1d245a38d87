import type { Placeholder } from "drizzle-orm";
import { sql } from "drizzle-orm";
import type { Db, Handle } from "./handle.ts";
import { groups } from "./handle.ts";

/**
 * Queries that read and whose SQL is built once, to be run with other values each time: for what every request asks, because
 * drizzle takes longer to build a query than SQLite to run it. On Postgres they have no name, so that a pooler can pass them on.
 */

type Reader = Pick<Handle, "read">;
type Writer = Pick<Handle, "write">;
type Value = string | number;
type Values<N extends string> = Record<N, Value>;
type Given<N extends string> = Record<N, Placeholder<N>>;
type Preparable<T> = { prepare(): { execute(values?: Record<string, unknown>): PromiseLike<T> } };

/** The query that `build` makes with a placeholder for each of `names`, as a function of their values. */
export function prepared<const N extends string, T>(
  store: Reader,
  names: readonly N[],
  build: (db: Db, given: Given<N>) => Preparable<T>,
): (values: Values<N>) => Promise<T> {
  return once(store, (db) => build(db, placeholders(names)));
}

/** As `prepared`, of a query that writes: an atomic of its own. */
export function preparedWrite<const N extends string, T>(
  store: Writer,
  names: readonly N[],
  build: (db: Db, given: Given<N>) => Preparable<T>,
): (values: Values<N>) => Promise<T> {
  return prepared({ read: store.write }, names, build);
}

/** Lengths of lists that are prepared for; a shorter list repeats its last item. */
const lengths = [1, 10, 50, 90];

/** As `prepared`, over a list of which each row meets one item; any length, in groups. The items are distinct. */
export function preparedAmong<const N extends string, T>(
  store: Reader,
  names: readonly N[],
  build: (db: Db, given: Given<N>, among: Placeholder[]) => Preparable<T[]>,
): (values: Values<N>, items: Iterable<Value>) => Promise<T[]> {
  const ofLength = new Map<number, (values: Values<string>) => Promise<T[]>>();

  function ask(values: Values<N>, group: Value[]): Promise<T[]> {
    const length = lengths.find((some) => some >= group.length) ?? group.length;
    const items = Array.from({ length }, (_, at) => `item${at}`);
    const query =
      ofLength.get(length) ?? once(store, (db) => build(db, placeholders(names), Object.values(placeholders(items))));
    ofLength.set(length, query);
    return query({
      ...values,
      ...Object.fromEntries(items.map((name, at) => [name, group[at] ?? group.at(-1) ?? ""])),
    });
  }

  return async (values, items) => (await Promise.all(groups(items).map((group) => ask(values, group)))).flat();
}

/** Prepared when it runs first; `read` always hands out the same database. */
function once<T>(store: Reader, build: (db: Db) => Preparable<T>): (values: Values<string>) => Promise<T> {
  let query: ReturnType<Preparable<T>["prepare"]> | undefined;
  return (values) => store.read((db) => (query ??= build(db).prepare()).execute(values));
}

function placeholders<N extends string>(names: readonly N[]): Given<N> {
  return Object.fromEntries(names.map((name) => [name, sql.placeholder(name)])) as Given<N>;
}
