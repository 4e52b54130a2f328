-- Who acted, as {kind: person | key | rule | system, id, name, via_key}, beside the name that was kept so far; and what the desk of alerts
-- keeps with an alert. Columns without a default: nothing is rewritten.

alter table audit add column actor_detail jsonb;    -- null: written before this revision

alter table alerts drop constraint alerts_state_check;
alter table alerts
    add constraint alerts_state_check check (state in ('held', 'open', 'acknowledged', 'snoozed', 'resolved')),
    add column acknowledged_actor jsonb,
    add column resolved_actor     jsonb,
    add column assignee           text,         -- whose it is; this one and the next three wait for the desk
    add column due_at             timestamptz,
    add column snoozed_until      timestamptz,
    add column outcome            text,
    add column condition_ended_at timestamptz;  -- null: it holds, or somebody resolved the alert before it ended
