-- The desk: what people did with alerts. `assignee`, `due_at`, `snoozed_until`, `outcome` and `condition_ended_at` stand there since 0018.

alter table alerts
    add column chosen_priority text check (chosen_priority in ('low', 'normal', 'high', 'urgent')),  -- null: by severity
    add column snoozed_flag text,
    add column snoozed_edge text check (snoozed_edge in ('begins', 'ends')),
    add column overdue_at   timestamptz,
    add column note         text,               -- of whoever resolved it
    add constraint alerts_outcome_check check (outcome in ('saved', 'churned', 'false_alarm', 'no_action', 'other'));
create index alerts_snoozed on alerts (snoozed_until) where state = 'snoozed';
create index alerts_due on alerts (due_at) where state in ('open', 'acknowledged') and overdue_at is null;
create index alerts_assignee on alerts (assignee, position desc) where assignee is not null;

create table alert_steps (          -- what people, and the clock, did with an alert
    id       bigint generated always as identity primary key,
    alert_id text not null references alerts on delete cascade,
    step     text not null,
    at       timestamptz not null,
    actor    jsonb not null,
    note     text,
    detail   jsonb not null default '{}'    -- assignee, due_at, until, outcome …
);
create index alert_steps_alert on alert_steps (alert_id, id);
