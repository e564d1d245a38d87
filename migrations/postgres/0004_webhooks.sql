create table webhooks (
  id text collate "C" primary key not null,
  app_id text collate "C" not null default '',
  url text not null default '',
  description text not null default '',
  types text,
  account_ids text,
  folder_roles text,
  max_concurrency bigint not null default 0,
  max_per_second bigint,
  sealed_key text not null default '',
  sealed_secret text not null default '',
  sealed_previous_secret text,
  previous_secret_until bigint,
  header_names text not null default '[]',
  sealed_headers text,
  disabled_because text,
  disabled_at bigint,
  failing_since bigint,
  hold_until bigint not null default 0,
  created_at bigint not null default 0,
  updated_at bigint not null default 0,
  version bigint not null default 1
);
create index webhooks_app on webhooks (app_id, id);

create table deliveries (
  id text collate "C" primary key not null,
  app_id text collate "C" not null default '',
  webhook_id text collate "C" not null default '',
  account_id text collate "C" not null default '',
  event_id text collate "C" not null default '',
  type text not null default '',
  test_event text,
  state text not null default 'pending',
  tries bigint not null default 0,
  attempt_count bigint not null default 0,
  attempts text not null default '[]',
  next_attempt_at bigint,
  created_at bigint not null default 0,
  finished_at bigint,
  owner text,
  epoch bigint not null default 0,
  lease_until bigint not null default 0,
  deaths bigint not null default 0
);
create index deliveries_state on deliveries (webhook_id, state, id);
create index deliveries_account on deliveries (account_id);
create index deliveries_created on deliveries (created_at);
create index deliveries_finished on deliveries (finished_at) where state = 'delivered';
create index deliveries_due on deliveries (webhook_id, next_attempt_at) where state = 'pending';
create index deliveries_lease on deliveries (webhook_id, lease_until) where state = 'delivering';

-- The roles of the folders that an event is about, each between bars; null when it is not about folders.
alter table events add column folder_roles text;
