-- A customer that isn't in memory is looked up by its id, loaded, and written back: fewer and smaller pages for each.

-- The index alone tells key and home.
alter table customers
    drop constraint customers_customer_id_key,
    add constraint customers_customer_id_key unique (customer_id) include (key, partition);

-- Profiles as text that is only read whole, each (instant, source, event id) once with all the fields that it set:
-- [[us, source, id, {field: value, ...}], ...]. More states fit on a page, with room for two more versions of them.
create function pg_temp.grouped(profile jsonb) returns json language sql as $$
    select json_agg(json_build_array(us, source, id, fields) order by us, source, id) from (
        select e.value -> 1 as us, e.value ->> 2 as source, e.value ->> 3 as id,
            json_object_agg(e.key, e.value -> 0 order by e.key) as fields
        from jsonb_each(profile) e group by 1, 2, 3
    ) g
$$;
alter table states set (fillfactor = 70);
alter table states alter column profile type json using pg_temp.grouped(profile);

-- A new version of these rows is never HOT (what changes is indexed), but it fits beside the old one.
alter table standings set (fillfactor = 80);
alter table timers set (fillfactor = 80);
