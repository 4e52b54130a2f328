-- COPY writes rows page by page only where no default changes from row to row. That of the statement is as good: an event is
-- counted, and a decision written down, when its flush says so. Existing days get it, too.
alter table archive alter column counted_at set default statement_timestamp();
do $$
declare
    day regclass;
begin
    for day in select inhrelid::regclass from pg_inherits where inhparent = 'archive'::regclass loop
        execute format('alter table %s alter column counted_at set default statement_timestamp()', day);
    end loop;
end $$;
alter table history alter column recorded_at set default statement_timestamp();
