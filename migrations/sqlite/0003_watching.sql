-- Intents live minutes: those of the earlier shape are not carried over.
drop table intents;

create table intents (
  id text primary key not null,
  account_id text not null default '',
  kind text not null default 'place',
  folder integer not null default 0,
  uid_next integer,
  source text,
  change text,
  placed text,
  settled integer not null default 0,
  created_at integer not null default 0,
  expires_at integer not null default 0
);
create index intents_account on intents (account_id);
create index intents_expiry on intents (expires_at);

create table events (
  id text primary key not null,
  app_id text not null default '',
  account_id text not null default '',
  external_id text,
  sequence integer not null default 0,
  type text not null default '',
  created_at integer not null default 0,
  data text
);
create unique index events_sequence on events (app_id, sequence);
create index events_account on events (account_id, sequence);
create index events_created on events (created_at);

create table watches (
  account_id text primary key not null,
  owner text,
  epoch integer not null default 0,
  lease_until integer not null default 0,
  due_at integer,
  looked_at integer,
  mode text
);
create index watches_due on watches (due_at) where owner is null and due_at is not null;
create index watches_lease on watches (lease_until) where owner is not null;
create index watches_owner on watches (owner) where owner is not null;

insert into watches (account_id, due_at)
  select id, case when incoming is not null and state <> 'paused' then 0 end from accounts;

create table watch_folders (
  account_id text not null default '',
  folder integer not null default 0,
  uid_validity integer not null default 0,
  uid_next integer not null default 0,
  mod_seq text,
  message_count integer not null default 0,
  version integer not null default 1,
  historical_below integer not null default 0,
  flags_read_at integer not null default 0,
  last_checked_at integer not null default 0,
  last_changed_at integer,
  primary key (account_id, folder)
);

create table folder_snapshots (
  account_id text not null default '',
  folder integer not null default 0,
  n integer not null default 0,
  entries blob not null default x'',
  primary key (account_id, folder, n)
);

create table held_keys (
  account_id text not null default '',
  key text not null default '',
  folder integer not null default 0,
  uid_validity integer not null default 0,
  uid integer not null default 0,
  since integer not null default 0,
  waits_for text not null default '[]',
  primary key (account_id, key)
);

alter table folders add column first_seen_at integer not null default 0;

-- Counts the writes of an account's folders.
alter table accounts add column folders_version integer not null default 0;
