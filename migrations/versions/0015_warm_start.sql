-- pg_prewarm (part of PostgreSQL) reads whole tables into its memory: a worker that begins has the customers' rows read so, instead of
-- page by page when their events come. Whoever isn't allowed to create it, or hasn't got it, does without, or creates it later.
do $$
begin
    create extension if not exists pg_prewarm;
exception
    when insufficient_privilege or undefined_file or feature_not_supported then
        raise notice 'pg_prewarm could not be created (%): workers will begin with a cold database', sqlerrm;
end $$;
