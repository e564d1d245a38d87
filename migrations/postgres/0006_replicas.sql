-- Where several processes share the database: which of them are there, and until when they are believed to be.
create table nodes (
  owner text collate "C" primary key not null,
  seen_until bigint not null default 0
);
