create table settings (
  name text primary key not null,
  value text not null default ''
);

create table fences (
  ok integer not null default 1
);

create table apps (
  id text primary key not null,
  name text not null default '',
  created_at integer not null default 0,
  last_sequence integer not null default 0
);

create table keys (
  id text primary key not null,
  app_id text,
  name text not null default '',
  hash text not null default '',
  hint text not null default '',
  scopes text not null default '[]',
  account_ids text,
  expires_at integer,
  created_at integer not null default 0
);
create unique index keys_hash on keys (hash);
create index keys_app on keys (app_id, id);

create table accounts (
  id text primary key not null,
  app_id text not null default '',
  email text not null default '',
  name text,
  external_id text,
  metadata text not null default '{}',
  incoming text,
  outgoing text,
  sealed_key text not null default '',
  sealed_incoming_password text,
  sealed_outgoing_password text,
  sealed_id_key text not null default '',
  watch text not null default '{}',
  on_uncertain text not null default 'hold',
  save_to_sent text not null default 'auto',
  capabilities text,
  id_stability text,
  state text not null default 'connecting',
  state_since integer not null default 0,
  last_error text,
  created_at integer not null default 0,
  updated_at integer not null default 0,
  version integer not null default 1,
  last_folder_number integer not null default 0
);
create unique index accounts_external_id on accounts (app_id, external_id);
create index accounts_app on accounts (app_id, id);

create table folders (
  id text primary key not null,
  account_id text not null default '',
  number integer not null default 0,
  path text not null default '',
  name text not null default '',
  parent_path text,
  delimiter text,
  role text,
  selectable integer not null default 1,
  uid_validity integer not null default 0,
  uid_next integer,
  mailbox_id text,
  missing_since integer
);
create unique index folders_path on folders (account_id, path);
create unique index folders_number on folders (account_id, number);

create table placements (
  account_id text not null default '',
  origin_folder integer not null default 0,
  origin_uid_validity integer not null default 0,
  origin_uid integer not null default 0,
  now_folder integer not null default 0,
  now_uid_validity integer not null default 0,
  now_uid integer not null default 0,
  primary key (account_id, origin_folder, origin_uid_validity, origin_uid)
);
create index placements_now on placements (account_id, now_folder, now_uid_validity, now_uid);

create table split_keys (
  account_id text not null default '',
  key text not null default '',
  primary key (account_id, key)
);

create table intents (
  id text primary key not null,
  account_id text not null default '',
  folder integer not null default 0,
  uid_next integer,
  expires_at integer not null default 0
);
create index intents_account on intents (account_id);
create index intents_expiry on intents (expires_at);

create table blobs (
  id text primary key not null,
  account_id text not null default '',
  size integer not null default 0,
  expires_at integer
);
create index blobs_account on blobs (account_id);
create index blobs_expiry on blobs (expires_at) where expires_at is not null;

create table blob_chunks (
  blob_id text not null default '',
  n integer not null default 0,
  bytes blob not null default x'',
  primary key (blob_id, n)
);

create table submissions (
  id text primary key not null,
  app_id text not null default '',
  account_id text not null default '',
  state text not null default 'queued',
  route text not null default '',
  idempotency_key text not null default '',
  fingerprint text not null default '',
  first_answer text,
  message_id text not null default '',
  envelope text not null default '{}',
  recipients text not null default '[]',
  subject text not null default '',
  metadata text not null default '{}',
  warnings text not null default '[]',
  blob_id text,
  size integer not null default 0,
  attempts integer not null default 0,
  next_attempt_at integer,
  send_at integer,
  deliver_before integer not null default 0,
  created_at integer not null default 0,
  updated_at integer not null default 0,
  finished_at integer,
  owner text,
  epoch integer not null default 0,
  lease_until integer not null default 0,
  deaths integer not null default 0
);
create unique index submissions_idempotency on submissions (app_id, account_id, route, idempotency_key);
create index submissions_account on submissions (account_id, id);
create index submissions_due on submissions (next_attempt_at, id) where state in ('scheduled', 'queued');
create index submissions_finished on submissions (finished_at) where finished_at is not null;
-- At most one row per account is under way: the database sees to it, whoever claims at the same time.
create unique index submissions_under_way on submissions (account_id) where state in ('sending', 'committing');
