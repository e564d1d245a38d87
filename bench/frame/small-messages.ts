import type { BenchMailbox, World } from "./world.ts";

/** A mailbox of plain messages of 10 kB each, with Postern's ids in the order of their UIDs, 1 and up. */
export type SmallMessages = { mailbox: BenchMailbox; ids: string[] };

const count = 100;

/** Fills it and stores it. */
export async function smallMessages(world: World): Promise<SmallMessages> {
  const mailbox = await world.holding(Array.from({ length: count }, (_, number) => [message(number)]));
  const path = `${mailbox.path}/messages?limit=${count}`;
  const { data } = (await world.api.call("GET", path)) as { data: { id: string }[] };
  return { mailbox, ids: data.map(({ id }) => id).toReversed() };
}

/** One of them, with LF. */
export function message(number: number): Buffer {
  const headers = [
    "From: Ada Lovelace <ada@analytical.test>",
    "To: me@postern.test",
    `Subject: Notes on the engine, part ${number}`,
    "Date: Sun, 22 Nov 2026 12:00:00 +0000",
    `Message-ID: <notes-${number}@analytical.test>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
  ].join("\n");
  const line = "The engine weaves patterns just as the loom weaves leaves.\n";
  return Buffer.from(`${headers}\n\n${line.repeat(Math.ceil((10_000 - headers.length) / line.length))}`);
}
