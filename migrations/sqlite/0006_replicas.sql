-- Where several processes share the database: which of them are there, and until when they are believed to be.
create table nodes (
  owner text primary key not null,
  seen_until integer not null default 0
);
