-- Rows from before: composed by us, hence plain ASCII; no copy in the sent folder was kept of them.
alter table submissions add column needs text not null default '{"eightBit":false,"utf8":false}';
alter table submissions add column original text;
alter table submissions add column save_to_sent text not null default 'never';
alter table submissions add column sent_copy text;
alter table submissions add column last_error text;
alter table submissions add column follow_ups text not null default '[]';
alter table submissions add column follow_up_at integer;
alter table submissions add column follow_up_tries integer not null default 0;

-- What is not over is sent as its account says today.
update submissions set save_to_sent = coalesce((select accounts.save_to_sent from accounts where accounts.id = submissions.account_id), 'never')
  where state in ('scheduled', 'queued', 'sending', 'committing', 'uncertain');

drop index submissions_under_way;
drop index submissions_due;
-- What is due, and whose it is: the state is in it so that no row has to be looked at.
create index submissions_due on submissions (next_attempt_at, account_id, state) where state in ('scheduled', 'queued');
-- An account's queue.
create index submissions_waiting on submissions (account_id, next_attempt_at, id) where state in ('scheduled', 'queued');
create index submissions_lease on submissions (account_id, lease_until, state) where state in ('sending', 'committing');
create index submissions_message on submissions (account_id, message_id, id);
create index submissions_follow_ups on submissions (follow_up_at, account_id) where follow_up_at is not null;
create index submissions_follow_ups_account on submissions (account_id, follow_up_at) where follow_up_at is not null;

create table uploads (
  id text primary key not null,
  app_id text not null default '',
  account_id text not null default '',
  blob_id text not null default '',
  filename text not null default '',
  content_type text not null default '',
  size integer not null default 0,
  created_at integer not null default 0,
  expires_at integer not null default 0
);
create index uploads_account on uploads (account_id);
create index uploads_expiry on uploads (expires_at);
