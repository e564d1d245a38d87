-- Intents live minutes: those of the earlier shape are not carried over.
drop table intents;

create table intents (
  id text collate "C" primary key not null,
  account_id text collate "C" not null default '',
  kind text not null default 'place',
  folder bigint not null default 0,
  uid_next bigint,
  source text,
  change text,
  placed text,
  settled bigint not null default 0,
  created_at bigint not null default 0,
  expires_at bigint not null default 0
);
create index intents_account on intents (account_id);
create index intents_expiry on intents (expires_at);

create table events (
  id text collate "C" primary key not null,
  app_id text collate "C" not null default '',
  account_id text collate "C" not null default '',
  external_id text,
  sequence bigint not null default 0,
  type text not null default '',
  created_at bigint not null default 0,
  data text
);
create unique index events_sequence on events (app_id, sequence);
create index events_account on events (account_id, sequence);
create index events_created on events (created_at);

create table watches (
  account_id text collate "C" primary key not null,
  owner text,
  epoch bigint not null default 0,
  lease_until bigint not null default 0,
  due_at bigint,
  looked_at bigint,
  mode text
);
create index watches_due on watches (due_at) where owner is null and due_at is not null;
create index watches_lease on watches (lease_until) where owner is not null;
create index watches_owner on watches (owner) where owner is not null;

insert into watches (account_id, due_at)
  select id, case when incoming is not null and state <> 'paused' then 0 end from accounts;

create table watch_folders (
  account_id text collate "C" not null default '',
  folder bigint not null default 0,
  uid_validity bigint not null default 0,
  uid_next bigint not null default 0,
  mod_seq text,
  message_count bigint not null default 0,
  version bigint not null default 1,
  historical_below bigint not null default 0,
  flags_read_at bigint not null default 0,
  last_checked_at bigint not null default 0,
  last_changed_at bigint,
  primary key (account_id, folder)
);

create table folder_snapshots (
  account_id text collate "C" not null default '',
  folder bigint not null default 0,
  n bigint not null default 0,
  entries bytea not null default '',
  primary key (account_id, folder, n)
);

create table held_keys (
  account_id text collate "C" not null default '',
  key text collate "C" not null default '',
  folder bigint not null default 0,
  uid_validity bigint not null default 0,
  uid bigint not null default 0,
  since bigint not null default 0,
  waits_for text not null default '[]',
  primary key (account_id, key)
);

alter table folders add column first_seen_at bigint not null default 0;

-- Counts the writes of an account's folders.
alter table accounts add column folders_version bigint not null default 0;
