-- Shadows: versions that score beside the live one, and what both told of each customer, for judging them by what came of it.

alter table projections drop constraint projections_reason_check;
alter table projections add constraint projections_reason_check check (reason in ('start', 'publish', 'rebuild', 'shadow'));

create table shadow_marks (
    projection   integer not null,              -- the shadow
    marked_at    timestamptz not null,
    customer_key bigint not null,
    live_risk    double precision not null,
    shadow_risk  double precision not null,
    primary key (projection, marked_at, customer_key)
);
