import Database from "better-sqlite3";

import { makeScratch, removeScratch } from "../../test/servers/scratch.ts";
import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { clients, letter, rateOf, withOutbox } from "../frame/outbox.ts";
import { alternate, median } from "../frame/rounds.ts";

const accounts = 16;

/** Submissions that are on disk when they are answered, while nothing is sent yet and while all of it is being sent. */
export const accept: Case = {
  name: "accept",
  run: (world) =>
    withOutbox(world, accounts, async (outbox) => {
      const messages = world.scale.quick ? 2_000 : 5_000;
      const later = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
      const directory = makeScratch();
      const insert = openBare(`${directory}/bare.db`);
      await outbox.submit(1_000, accounts, later);
      const rounds = await alternate(world.scale.quick ? 3 : 5, {
        later: () => rateOf(messages, () => outbox.submit(messages, accounts, later)),
        sending: async () => {
          const rate = await rateOf(messages, () => outbox.submit(messages, accounts));
          await outbox.sink.received(messages);
          return rate;
        },
        bare: () => rateOf(messages, async () => insert(messages)),
      });
      removeScratch(directory);
      const accepted = (what: string, ours: number[], goal: Figure["goal"]): Figure => ({
        what: `accepted sends, ${clients} clients, ${what}`,
        unit: "/s",
        ours: median(ours),
        bare: median(rounds.bare),
        bareIs: `SQLite inserts, ${clients} a commit`,
        compared: { as: "value", value: median(ours) },
        goal,
      });
      return [
        accepted("to be sent later", rounds.later, { atLeast: 3_000 }),
        accepted("sent to a sink meanwhile", rounds.sending, null),
      ];
    }),
};

/** What the disk gives: rows with a message each, one synced commit for as many as can wait at once. */
function openBare(path: string): (rows: number) => void {
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("create table messages (id integer primary key, bytes blob not null)");
  const insert = db.prepare("insert into messages (bytes) values (?)");
  const bytes = Buffer.from(letter.text);
  const commit = db.transaction((rows: number) => {
    for (let row = 0; row < rows; row++) insert.run(bytes);
  });
  return (rows) => {
    for (let left = rows; left > 0; left -= clients) commit(Math.min(left, clients));
  };
}
