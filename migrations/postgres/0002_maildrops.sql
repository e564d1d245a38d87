create table maildrop_headers (
  account_id text collate "C" not null default '',
  key text collate "C" not null default '',
  size bigint not null default 0,
  header bytea not null default '',
  primary key (account_id, key)
);

create table maildrop_flags (
  account_id text collate "C" not null default '',
  key text collate "C" not null default '',
  flag text collate "C" not null default '',
  name text not null default '',
  missing_since bigint,
  primary key (account_id, key, flag)
);
