/**
 * SQL that creates the tables of the outbox and the inbox, for a migration of the app. It works on PostgreSQL and PGlite.
 *
 * `scale_outbox` contains messages that are not published yet. `scale_inbox` contains the ids of the messages that each queue has
 * applied.
 */
export const outboxTables = `create table if not exists scale_outbox (
  id bigint generated always as identity primary key,
  message_id text not null,
  exchange text not null,
  routing_key text not null,
  content text not null,
  properties jsonb not null,
  mandatory boolean not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text,
  created_at timestamptz not null default now()
);
create index if not exists scale_outbox_due on scale_outbox (next_attempt_at, id);

create table if not exists scale_inbox (
  queue text not null,
  message_id text not null,
  processed_at timestamptz not null default now(),
  primary key (queue, message_id)
);
create index if not exists scale_inbox_age on scale_inbox (processed_at);
`
