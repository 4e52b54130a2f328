-- What the lab does by itself: a refit at an interval, and matured outcomes held against the live model.

alter table lab_runs drop constraint lab_runs_kind_check;
alter table lab_runs add constraint lab_runs_kind_check check (kind in ('backtest', 'fit', 'drift'));

create table lab_schedule (             -- one row; none: drift is watched weekly, nothing is refitted
    only_one boolean primary key default true check (only_one),
    refit    text check (refit in ('weekly', 'monthly')),
    drift    text check (drift in ('daily', 'weekly')),
    options  jsonb not null,            -- outcome, horizon_days, fit_share, capacity of the refits
    set_by   text not null,
    set_at   timestamptz not null
);
