import Database from "better-sqlite3";
import { getTableColumns, getTableName, is } from "drizzle-orm";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { expect, test } from "vitest";
import { migrateSqlite } from "../../src/store/migrate-sqlite.ts";
import { readMigrations } from "../../src/store/migrations.ts";
import { postgresTables } from "../../src/store/parity.ts";
import { sqliteTables as tables } from "../../src/store/tables.sqlite.ts";

type ColumnInfo = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number };

const migrations = readMigrations("sqlite");

function migrated(count = migrations.length): Database.Database {
  const db = new Database(":memory:");
  migrateSqlite(db, migrations.slice(0, count));
  return db;
}

function schemaOf(db: Database.Database): unknown[] {
  return db.prepare("select type, name, sql from sqlite_schema where name not like 'sqlite_%' order by name").all();
}

test("both dialects' steps have the same names, numbered without a gap", () => {
  const names = migrations.map(({ name }) => name);
  expect(readMigrations("postgres").map(({ name }) => name)).toEqual(names);
  expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, i) => i + 1));
});

test("the steps make the tables of the SQLite schema, and no others", () => {
  const db = migrated();
  const made = db.prepare("select name from sqlite_schema where type = 'table' and name <> 'migrations'").pluck().all();
  expect(made.map(String).toSorted()).toEqual(Object.values(tables).map(getTableName).toSorted());
});

test.each(Object.values(tables).map((table) => [getTableName(table), table] as const))(
  "the columns of %s are as the schema says",
  (name, table) => {
    expect(is(table, SQLiteTable)).toBe(true);
    const made = migrated().prepare<[string], ColumnInfo>("select * from pragma_table_info(?)").all(name);
    const columns = Object.values(getTableColumns(table));
    expect(made.map((column) => [column.name, column.type.toLowerCase(), column.notnull === 1])).toEqual(
      columns.map((column) => [column.name, column.getSQLType(), column.notNull]),
    );
    const withoutDefault = made.filter(
      (column) => column.notnull === 1 && column.pk === 0 && column.dflt_value === null,
    );
    expect(withoutDefault).toEqual([]);
  },
);

test("the columns of both schemas have the same names", () => {
  const names = (schema: typeof tables) =>
    Object.entries(schema).map(([key, table]) => [
      key,
      getTableName(table),
      Object.values(getTableColumns(table)).map((column) => [column.name, column.notNull]),
    ]);
  expect(names(postgresTables)).toEqual(names(tables));
});

test("from every earlier state the steps lead to the same schema, and a second time they change nothing", () => {
  const expected = schemaOf(migrated());
  for (let count = 0; count <= migrations.length; count += 1) {
    const db = migrated(count);
    migrateSqlite(db, migrations);
    migrateSqlite(db, migrations);
    expect(schemaOf(db)).toEqual(expected);
  }
});

test("accounts from before watching are due to be watched, where there is something to watch", () => {
  const db = migrated(2);
  const insert = db.prepare("insert into accounts (id, external_id, incoming, state) values (?, ?, ?, ?)");
  insert.run("acc_1", "1", "{}", "connected");
  insert.run("acc_2", "2", null, "connected");
  insert.run("acc_3", "3", "{}", "paused");
  migrateSqlite(db, migrations);
  const rows = db
    .prepare("select account_id, owner, epoch, lease_until, due_at from watches order by account_id")
    .raw();
  expect(rows.all()).toEqual([
    ["acc_1", null, 0, 0, 0],
    ["acc_2", null, 0, 0, null],
    ["acc_3", null, 0, 0, null],
  ]);
});

test("submissions from before the outbox was whole are sent as their account says, and finished ones stay as they are", () => {
  const db = migrated(4);
  db.exec("insert into accounts (id, save_to_sent) values ('acc_1', 'always')");
  const insert = db.prepare(
    "insert into submissions (id, account_id, idempotency_key, state) values (?, 'acc_1', ?, ?)",
  );
  insert.run("sub_1", "1", "queued");
  insert.run("sub_2", "2", "sent");
  migrateSqlite(db, migrations);
  const columns = "needs, original, save_to_sent, sent_copy, last_error, follow_ups, follow_up_at, follow_up_tries";
  const rows = db.prepare(`select id, ${columns} from submissions order by id`).raw();
  const needs = '{"eightBit":false,"utf8":false}';
  expect(rows.all()).toEqual([
    ["sub_1", needs, null, "always", null, null, "[]", null, 0],
    ["sub_2", needs, null, "never", null, null, "[]", null, 0],
  ]);
});

test("of folders that were watched before there were threads the newest messages are indexed; headers of old are read again", () => {
  const db = migrated(6);
  db.exec("insert into watch_folders (account_id, folder, uid_next) values ('acc_1', 1, 4294967295), ('acc_1', 2, 1)");
  db.exec("insert into maildrop_headers (account_id, key) values ('acc_1', 'uidl:1')");
  migrateSqlite(db, migrations);
  const rows = db.prepare("select folder, threads_below, threads_left from watch_folders order by folder").raw();
  expect(rows.all()).toEqual([
    [1, 4_294_967_296, 500],
    [2, 4_294_967_296, 500],
  ]);
  expect(db.prepare("select count(*) from maildrop_headers").pluck().get()).toBe(0);
});

test("a step that fails leaves nothing of itself", () => {
  const db = migrated();
  const broken = [...migrations, { name: "9999_broken.sql", sql: "create table half (a); create table half (a);" }];
  expect(() => migrateSqlite(db, broken)).toThrow("half");
  expect(schemaOf(db)).toEqual(schemaOf(migrated()));
  migrateSqlite(db, migrations);
});

test("what is looked up often is found by an index", () => {
  const db = migrated();
  const plan = (query: string) =>
    db
      .prepare<[], { detail: string }>(`explain query plan ${query}`)
      .all()
      .map(({ detail }) => detail)
      .join("\n");
  const underWay = "state in ('sending', 'committing')";
  const indexed = {
    "select * from keys where hash = ''": "keys_hash",
    "select * from accounts where app_id = '' and id > '' order by id": "accounts_app",
    "select * from folders where account_id = '' order by number": "folders_number",
    "select * from placements where account_id = '' and now_folder = 1 and now_uid_validity = 1 and now_uid in (1, 2)":
      "placements_now",
    "select key from maildrop_headers where account_id = '' and key > '' order by key limit 9":
      "COVERING INDEX sqlite_autoindex_maildrop_headers_1",
    "select count(*) from maildrop_headers where account_id = ''": "COVERING INDEX sqlite_autoindex_maildrop_headers_1",
    "select key, count(*) from maildrop_flags where account_id = '' and key > '' group by key order by key limit 9":
      "SEARCH maildrop_flags USING PRIMARY KEY (account_id=? AND key>?)",
    "select * from blobs where expires_at <= 5 order by expires_at limit 90": "blobs_expiry",
    "select * from submissions where account_id = '' and id < '' order by id desc limit 5": "submissions_account",
    "select account_id, next_attempt_at from submissions where state in ('scheduled', 'queued') and next_attempt_at <= 5 order by next_attempt_at limit 500":
      "COVERING INDEX submissions_due (next_attempt_at<?)",
    "select min(next_attempt_at) from submissions where state in ('scheduled', 'queued') and next_attempt_at > 5":
      "COVERING INDEX submissions_due (next_attempt_at>?)",
    "select min(account_id) from submissions where state in ('scheduled', 'queued') and account_id > ''":
      "submissions_waiting (account_id>?)",
    "select min(next_attempt_at) from submissions where state in ('scheduled', 'queued') and account_id = ''":
      "submissions_waiting (account_id=?)",
    "select id from submissions where account_id = '' and state in ('scheduled', 'queued') and next_attempt_at <= 5 order by next_attempt_at, id limit 9":
      "submissions_waiting (account_id=? AND next_attempt_at<?)",
    [`select id from submissions where account_id = '' and ${underWay} and deaths = 0 and lease_until <= 5 order by lease_until, id limit 9`]:
      "submissions_lease (account_id=? AND lease_until<?)",
    [`select account_id, min(lease_until) from submissions where ${underWay} and lease_until <= 5 group by account_id`]:
      "COVERING INDEX submissions_lease",
    [`select min(lease_until) from submissions where ${underWay} and lease_until > 5`]:
      "COVERING INDEX submissions_lease",
    [`update submissions set lease_until = 5 where ${underWay} and owner = ''`]: "submissions_lease",
    "select * from submissions where account_id = '' and message_id = '' order by id desc limit 1":
      "submissions_message (account_id=? AND message_id=?)",
    "select id, account_id from submissions where follow_up_at is not null and follow_up_at <= 5 order by follow_up_at limit 500":
      "submissions_follow_ups (follow_up_at>? AND follow_up_at<?)",
    "select min(account_id) from submissions where follow_up_at is not null and account_id > ''":
      "COVERING INDEX submissions_follow_ups_account (account_id>?)",
    "select id from submissions where account_id = '' and follow_up_at is not null and follow_up_at <= 5 order by follow_up_at limit 1":
      "submissions_follow_ups_account (account_id=? AND follow_up_at>? AND follow_up_at<?)",
    "select id from submissions where finished_at < 5 limit 90": "submissions_finished",
    "delete from submissions where account_id = ''": "INDEX submissions_",
    "delete from uploads where account_id = ''": "uploads_account",
    "select id from uploads where expires_at <= 5 order by expires_at limit 10": "uploads_expiry",
    "select * from intents where account_id = '' and expires_at > 5": "intents_account",
    "select * from events where app_id = '' and sequence > 5 and data is not null order by sequence limit 9":
      "events_sequence (app_id=? AND sequence>?)",
    "select min(sequence) from events where app_id = ''": "events_sequence",
    "update events set data = null where account_id = '' and data is not null": "events_account",
    "select id from events where created_at < 5 order by created_at limit 9": "events_created",
    "select * from watches where owner is null and due_at <= 5 order by due_at limit 9": "watches_due",
    "select min(due_at) from watches where owner is null and due_at is not null": "watches_due",
    "select * from watches where owner is not null and lease_until <= 5 order by lease_until limit 9": "watches_lease",
    "select lease_until from watches where owner is not null and owner <> '' order by lease_until limit 1":
      "watches_lease",
    "update watches set lease_until = 5 where owner = ''": "watches_owner",
    "select * from folder_snapshots where account_id = '' and folder = 1 order by n":
      "sqlite_autoindex_folder_snapshots_1 (account_id=? AND folder=?)",
    "select * from held_keys where account_id = '' order by key": "sqlite_autoindex_held_keys_1",
    [`select * from (select value ->> 0 as node from json_each('[]')) as given cross join thread_links as links where links.account_id = '' and links.node = given.node`]:
      "SEARCH links USING PRIMARY KEY (account_id=? AND node=?)",
    "select thread, min(at) from thread_messages where account_id = '' and thread in ('a', 'b') group by thread":
      "COVERING INDEX thread_messages_thread (account_id=? AND thread=?)",
    "select max(at) from thread_messages where account_id = '' and thread = ''":
      "COVERING INDEX thread_messages_thread (account_id=? AND thread=?)",
    "select thread from thread_messages where account_id = '' and folder = 1 and uid < 5":
      "PRIMARY KEY (account_id=? AND folder=? AND uid<?)",
    "delete from thread_messages where account_id = '' and folder = 1 and uid in (select value ->> 0 from json_each('[]'))":
      "PRIMARY KEY (account_id=? AND folder=? AND uid=?)",
    "select id from threads where account_id = '' and latest_at is not null and (latest_at, id) < (5, '') order by latest_at desc, id desc limit 9":
      "SEARCH threads USING COVERING INDEX threads_latest (account_id=? AND latest_at>? AND (latest_at,id)<(?,?)",
    [`select m.*, (select count(distinct own) from thread_messages where account_id = '' and thread = page.id) from (select id, latest_at from threads where account_id = '' and latest_at is not null order by latest_at desc limit 9) as page cross join thread_messages as m where m.account_id = '' and m.folder = (select folder from thread_messages where account_id = '' and thread = page.id and at = page.latest_at order by folder desc, uid desc limit 1) and m.uid = (select uid from thread_messages where account_id = '' and thread = page.id and at = page.latest_at order by folder desc, uid desc limit 1)`]:
      "SEARCH m USING PRIMARY KEY (account_id=? AND folder=? AND uid=?)",
    "select folder, uid from thread_messages where account_id = '' and thread = '' and at = 5 order by folder desc, uid desc limit 1":
      "COVERING INDEX thread_messages_thread (account_id=? AND thread=? AND at=?)",
    "select count(distinct own) from thread_messages where account_id = '' and thread = ''":
      "COVERING INDEX thread_messages_thread (account_id=? AND thread=?)",
    "select * from thread_messages where account_id = '' and thread in ('a', 'b') order by at":
      "COVERING INDEX thread_messages_thread (account_id=? AND thread=?)",
    "select * from thread_messages where account_id = '' and thread = '' order by at desc, folder desc, uid desc limit 9":
      "COVERING INDEX thread_messages_thread (account_id=? AND thread=?)",
    "update thread_messages set thread = '' where account_id = '' and thread in (select value ->> 0 from json_each('[]'))":
      "COVERING INDEX thread_messages_thread (account_id=? AND thread=?)",
    "select id from threads where account_id = '' and latest_at is null and emptied_at < 5":
      "INDEX threads_emptied (account_id=? AND emptied_at<?)",
    "update thread_links set thread = '' where account_id = '' and thread in ('a')":
      "thread_links_thread (account_id=? AND thread=?)",
    "select * from webhooks where app_id = '' and id > '' order by id limit 9": "webhooks_app (app_id=? AND id>?)",
    "select 1 from webhooks cross join events where webhooks.app_id = '' and events.app_id = '' and sequence > 5 and sequence <= 9":
      "SEARCH webhooks USING COVERING INDEX webhooks_app (app_id=?)\nSEARCH events USING COVERING INDEX events_sequence (app_id=? AND sequence>?",
    "select * from deliveries where webhook_id = '' and state = '' and id < '' order by id desc limit 9":
      "deliveries_state (webhook_id=? AND state=? AND id<?)",
    "select id from deliveries where webhook_id = '' and state = 'pending' and next_attempt_at <= 5 order by next_attempt_at limit 9":
      "deliveries_due (webhook_id=? AND next_attempt_at<?)",
    "select id from deliveries where webhook_id = '' and state = 'delivering' and lease_until <= 5 order by lease_until limit 9":
      "deliveries_lease (webhook_id=? AND lease_until<?)",
    "select min(webhook_id) from deliveries where state = 'pending' and webhook_id > ''":
      "deliveries_due (webhook_id>?)",
    "select min(webhook_id) from deliveries where state = 'delivering' and webhook_id > ''":
      "deliveries_lease (webhook_id>?)",
    "update deliveries set lease_until = 5 where state = 'delivering' and owner = ''": "deliveries_lease",
    "select webhook_id from deliveries where webhook_id > '' order by webhook_id limit 1":
      "COVERING INDEX deliveries_state (webhook_id>?)",
    "select id from deliveries where state = 'delivered' and finished_at < 5 limit 9": "deliveries_finished",
    "select id from deliveries where created_at < 5 limit 9": "deliveries_created",
    "delete from deliveries where account_id = ''": "deliveries_account",
    "select count(*) from deliveries where state = 'pending'": "deliveries_due",
  };
  for (const [query, index] of Object.entries(indexed)) expect(plan(query)).toContain(index);
});
