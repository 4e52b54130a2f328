-- The fleet guard: what comes, by minute; what usually comes; which scopes (fleet, source:…, segment:…) have fallen; and alerts that are held meanwhile.

create table traffic (              -- live events by the minute in which they were logged, as each worker counted them; kept for a day
    minute timestamptz not null,
    worker text not null,
    scope  text not null,
    events double precision not null,
    primary key (minute, worker, scope)
);

create table habits (               -- what each hour of the week brings: forward-decayed sums (core.traffic)
    scope         text primary key,
    sums          double precision[] not null,
    weights       double precision[] not null,
    spread        double precision not null,
    spread_of double precision not null
);

create table guards (
    id           bigint generated always as identity primary key,
    scope        text not null,
    since        timestamptz not null,
    began_at     timestamptz not null,          -- when it was decided
    alert_id     text not null,                 -- the operations alert that tells of it
    dismissed_at timestamptz,                   -- a person resolved that alert: nothing is held any longer
    ended_at     timestamptz,
    ended_why    text check (ended_why in ('back', 'new_habit', 'wider')),
    holds_until  timestamptz                    -- alerts that it held are told from then on
);
create unique index guards_open on guards (scope) where ended_at is null;
create index guards_holding on guards (holds_until) where ended_at is not null and dismissed_at is null;

create table guard_watch (          -- one row: whose turn it is to look, and how far hours have been learnt
    only_one       boolean primary key default true check (only_one),
    looked_at      timestamptz not null default 'epoch',    -- by the database's clock
    judged_at      timestamptz,                             -- the minute judged last
    learnt_through timestamptz
);
insert into guard_watch default values;

alter table alerts drop constraint alerts_state_check;
alter table alerts
    add constraint alerts_state_check check (state in ('held', 'open', 'acknowledged', 'resolved')),
    add column held_by bigint;                  -- the guard that holds or held it
create index alerts_held on alerts (held_by) where state = 'held';
