-- Runs of the lab on the archive, and why a scorecard's model was published against the ship gate.

create table lab_runs (
    id           bigint generated always as identity primary key,
    kind         text not null check (kind in ('backtest', 'fit')),
    options      jsonb not null,            -- outcome, horizon_days, fit_share, capacity
    state        text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
    phase        text not null default 'waiting',
    progress     double precision not null default 0,
    result       jsonb,
    failure      text,                      -- why it failed, or who cancelled it
    model_key    text,                      -- which model the result speaks of: a digest of the scorecard's risk section
    requested_by text not null,
    requested_at timestamptz not null,
    started_at   timestamptz,
    ended_at     timestamptz,
    runner       text,                      -- who executes it, until when unless renewed
    runner_until timestamptz,
    attempts     integer not null default 0
);
create index lab_runs_open on lab_runs (id) where state in ('queued', 'running');
create index lab_runs_model on lab_runs (model_key) where model_key is not null;

alter table scorecards add column override_reason text;    -- why it was published although the ship gate said no
