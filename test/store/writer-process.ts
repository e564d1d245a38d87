import { writeSync } from "node:fs";
import { randomId } from "../../src/mail/id.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { bytesOf, streamOf } from "./helpers.ts";
import { accountRow, submissionRow } from "./rows.ts";

/**
 * A process of its own that opens the store named by its argument (a postgres:// URL or a file), says "open", and then
 * accepts submissions until it is killed: one line "accountId submissionId blobId" per submission, after it was accepted.
 */
const [, , where = ""] = process.argv;

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** Its bytes come with it, as a short message's do. */
async function acceptShort(accountId: string): Promise<void> {
  const row = submissionRow(accountId, { blobId: randomId("blb") });
  await store.submissions.accept(row, bytesOf(3000));
  say(`${accountId} ${row.id} ${row.blobId}`);
}

/** Its bytes were written before, as a long message's are. */
async function acceptLong(accountId: string): Promise<void> {
  const blobId = randomId("blb");
  await store.blobs.write(blobId, accountId, streamOf(bytesOf(3000)), Date.now());
  const row = submissionRow(accountId, { blobId });
  await store.submissions.accept(row, null);
  say(`${accountId} ${row.id} ${blobId}`);
}

const store = createStore(where.startsWith("postgres:") ? await openPostgres(where) : openSqlite(where));
const account = accountRow();
await store.accounts.insert(account);
say("open");
const clients = Array.from({ length: 8 }, async (_, at) => {
  for (;;) await (at % 2 === 0 ? acceptShort(account.id) : acceptLong(account.id));
});
await Promise.all(clients);
