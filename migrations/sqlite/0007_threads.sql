-- Which conversations the messages of watched folders make. Rows that are hardly more than their keys: one tree each.
create table threads (
  account_id text not null default '',
  id text not null default '',
  latest_at integer,
  emptied_at integer,
  primary key (account_id, id)
) without rowid;
create index threads_latest on threads (account_id, latest_at, id) where latest_at is not null;
create index threads_emptied on threads (account_id, emptied_at) where latest_at is null;

create table thread_links (
  account_id text not null default '',
  node text not null default '',
  thread text not null default '',
  primary key (account_id, node)
) without rowid;
create index thread_links_thread on thread_links (account_id, thread);

create table thread_messages (
  account_id text not null default '',
  folder integer not null default 0,
  uid integer not null default 0,
  uid_validity integer not null default 0,
  key text,
  own text not null default '',
  thread text not null default '',
  at integer not null default 0,
  primary key (account_id, folder, uid)
) without rowid;
-- Whatever is asked of a thread's messages is in it: SQLite would look through all of the account's otherwise, by the first column of their key.
create index thread_messages_thread on thread_messages (account_id, thread, at, folder, uid, uid_validity, key, own);

-- Of what folders that are watched already hold, the newest messages are indexed as well.
alter table watch_folders add column threads_below integer not null default 4294967296;
alter table watch_folders add column threads_left integer not null default 500;

-- They were kept without References. Losing them costs time only.
delete from maildrop_headers;
