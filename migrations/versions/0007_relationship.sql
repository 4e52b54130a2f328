-- What a score doesn't say: loyalty, fit with the ideal profile, whose child a customer is.

alter table standings
    add column loyalty   double precision,  -- 0-100, in steps; null: too little evidence
    add column icp_fit   double precision,  -- 0-1; null: no attribute is known
    add column parent_id text;
create index standings_parent on standings (projection, parent_id) where parent_id is not null;
