-- What the processes of the service report of themselves: checks that fail now. Each renews its own until seen_until; an operations alert is
-- open while some process reports its cause. Nothing is written while all is well. Not durable, since what still fails is reported again.
create unlogged table check_reports (
    process     text not null,
    kind        text not null,               -- input_stalled, step_failing, database_fault, …: the kind of the operations alert
    scope       text not null,               -- of what: kafka, ledger, disk_full; the scope of the alert
    severity    text not null,
    summary     text not null,
    detail      jsonb not null,
    since       timestamptz not null,
    reported_at timestamptz not null,        -- when this process reported it first
    seen_until  timestamptz not null,
    primary key (process, kind, scope)
);

-- Up to when everything logged is in the ledger, as of the last time that nothing of this partition waited.
alter table ledger_marks add column as_of timestamptz;
