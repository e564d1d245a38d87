import type { BenchMailbox, World } from "./world.ts";

/** Messages of the folders that a case is measured in; the largest comes last. */
export function folderSizes({ scale }: World): number[] {
  return [10, 10_000, 100_000, ...(scale.million ? [1_000_000] : [])];
}

/** The newest ten messages of a filled folder, by Postern's ids and by UID. */
export type Newest = { mailbox: BenchMailbox; messages: { id: string; uid: number }[] };

/** Fills the folder where that has not been done, stores its account, and lists it. */
export async function newest(world: World, size: number): Promise<Newest> {
  const mailbox = await world.filled(size);
  const { data } = (await world.api.call("GET", `${mailbox.path}/messages?limit=10`)) as { data: { id: string }[] };
  return { mailbox, messages: data.map(({ id }, nth) => ({ id, uid: size - nth })) };
}

/** "10,000" */
export const inDigits = (count: number): string => count.toLocaleString("en");
