-- In which transaction each row of the customer summary was last written: whoever polls gets what has changed since.

alter table standings add column changed xid8 default '0';  -- nullable, since the flush copies into a table like this one
alter table standings alter column changed set default pg_current_xact_id();
create index standings_changed on standings (projection, changed);
