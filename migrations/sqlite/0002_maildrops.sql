create table maildrop_headers (
  account_id text not null default '',
  key text not null default '',
  size integer not null default 0,
  header blob not null default x'',
  primary key (account_id, key)
);

-- Small rows that are all key: one tree instead of a table and its index.
create table maildrop_flags (
  account_id text not null default '',
  key text not null default '',
  flag text not null default '',
  name text not null default '',
  missing_since integer,
  primary key (account_id, key, flag)
) without rowid;
