-- How often statements have changed what lists show. A session counts in a row of its own (sessions whose numbers are 4,096 apart share
-- one), so that transactions don't wait for each other; the sum of committed rows is another one after each commit that changed something.
-- Not durable: an entity tag holds for ten seconds.
create unlogged table change_counts (
    subject text not null,      -- the table that was changed
    session integer not null,
    changes bigint not null,
    primary key (subject, session)
) with (fillfactor = 50);

create function count_change() returns trigger language plpgsql as $$
begin
    insert into change_counts as c values (tg_table_name, pg_backend_pid() % 4096, 1)
    on conflict (subject, session) do update set changes = c.changes + 1;
    return null;
end
$$;

create trigger count_change after insert or update or delete on standings for each statement execute function count_change();
create trigger count_change after insert or update or delete on alerts for each statement execute function count_change();
create trigger count_change after insert or update or delete on guards for each statement execute function count_change();
create trigger count_change after insert or update or delete on scorecards for each statement execute function count_change();
create trigger count_change after insert or update or delete on projections for each statement execute function count_change();
