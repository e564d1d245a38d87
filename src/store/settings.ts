import { eq } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import type { Store } from "./store.ts";

export function settingsRepository(store: Handle): Store["settings"] {
  const { settings } = store.tables;

  async function get(name: string): Promise<string | null> {
    const [row] = await store.read((db) => db.select().from(settings).where(eq(settings.name, name)));
    return row?.value ?? null;
  }

  return {
    get,

    async putOnce(name, value) {
      await done(store.atomic((db) => [db.insert(settings).values({ name, value }).onConflictDoNothing()]));
      return (await get(name)) ?? value;
    },

    async put(name, value) {
      await done(
        store.atomic((db) => [
          db.insert(settings).values({ name, value }).onConflictDoUpdate({ target: settings.name, set: { value } }),
        ]),
      );
    },
  };
}
