-- Scorecard versions as drafts and publications, projections that are built beside the live one, and when each event was counted.

alter table scorecards
    add column created_by   text not null default 'installation',
    add column published_at timestamptz;        -- null: a draft that was never live
update scorecards set published_at = created_at;

alter table projections
    add column reason        text not null default 'start' check (reason in ('start', 'publish', 'rebuild')),
    add column requested_by  text not null default 'installation',
    add column with_gaps     boolean not null default false,  -- what the archive lacks is left out, not refused
    add column previous      integer,            -- the projection that was live when this one was asked for
    add column phase         text not null default 'waiting', -- indexing | folding | deciding | switching | done
    add column builder       text,               -- who builds it, until when unless renewed
    add column builder_until timestamptz,
    add column failure       text,               -- why it was given up
    add column live_at       timestamptz,        -- null: since the beginning, or never
    add column retired_at    timestamptz,
    add column positions     jsonb,              -- where in the log it took over: partition -> {applied, table, kafka}
    add column marked_at     timestamptz,        -- the history tells of the change of version
    add column cleared_at    timestamptz;        -- its rows are gone
update projections set phase = 'done';
create unique index projections_one_building on projections (state) where state = 'building';

-- When an event was counted, by the database's clock; null for events that were archived before this revision. It is what makes
-- a past explanation the one that was given then. Existing days get the column and, for new rows, the default.
alter table archive add column counted_at timestamptz;
alter table archive alter column counted_at set default clock_timestamp();

-- A decision is made as of what had been read, and written down a moment later.
alter table history add column recorded_at timestamptz;
alter table history alter column recorded_at set default clock_timestamp();
