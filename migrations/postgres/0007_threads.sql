-- Which conversations the messages of watched folders make.
create table threads (
  account_id text collate "C" not null default '',
  id text collate "C" not null default '',
  latest_at bigint,
  emptied_at bigint,
  primary key (account_id, id)
);
create index threads_latest on threads (account_id, latest_at, id) where latest_at is not null;
create index threads_emptied on threads (account_id, emptied_at) where latest_at is null;

create table thread_links (
  account_id text collate "C" not null default '',
  node text collate "C" not null default '',
  thread text collate "C" not null default '',
  primary key (account_id, node)
);
create index thread_links_thread on thread_links (account_id, thread);

create table thread_messages (
  account_id text collate "C" not null default '',
  folder bigint not null default 0,
  uid bigint not null default 0,
  uid_validity bigint not null default 0,
  key text collate "C",
  own text collate "C" not null default '',
  thread text collate "C" not null default '',
  at bigint not null default 0,
  primary key (account_id, folder, uid)
);
create index thread_messages_thread on thread_messages (account_id, thread, at, folder, uid);

-- Of what folders that are watched already hold, the newest messages are indexed as well.
alter table watch_folders add column threads_below bigint not null default 4294967296;
alter table watch_folders add column threads_left bigint not null default 500;

-- They were kept without References. Losing them costs time only.
truncate maildrop_headers;
