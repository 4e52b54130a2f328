-- Reading archived events so that no content can make a statement fail: what can't be read is null.

create function event_json(event text) returns json language plpgsql immutable strict as $$
begin
    perform event::json -> 'data';  -- a cast alone doesn't undo escapes, where the reading of members would fail
    return event::json;
exception
    when others then
        return null;
end $$;

create function json_number(member json) returns double precision language plpgsql immutable strict as $$
begin
    if json_typeof(member) <> 'number' then
        return null;
    end if;
    return (member #>> '{}')::double precision;
exception
    when numeric_value_out_of_range then  -- nearer to 0 than doubles reach, else beyond them
        return case when member #>> '{}' ~ '^-?0|[eE]-' then 0.0 end;
end $$;
