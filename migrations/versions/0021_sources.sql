-- Sources: how other systems' calls become events, what became of the calls, and who their ids stand for.

create table sources (            -- what differs from the built-in mappings, and sources of one's own
    name       text primary key,
    mapping    text,              -- null: the built-in one
    mode       text not null check (mode in ('trial', 'live', 'off')),
    secrets    bytea[] not null default '{}',  -- sealed; several while one replaces another
    called_url text,              -- as the sender calls it, where a proxy changes it
    changed_at timestamptz not null
);

create table source_calls (
    id          bigint generated always as identity primary key,
    source      text not null,
    received_at timestamptz not null,
    outcome     text not null,
    accepted    integer not null,
    waiting     integer not null,
    ignored     integer not null,
    rejected    integer not null,
    detail      text,             -- why the call was refused
    items       jsonb not null,   -- what became of the first items
    body        bytea             -- of a call with rejected items, so that it can be tried again
);
create index source_calls_by_source on source_calls (source, id);

create table customer_links (
    namespace   text not null,
    external_id text not null,
    customer_id text not null,
    linked_at   timestamptz not null,
    primary key (namespace, external_id)
);
create index customer_links_by_customer on customer_links (customer_id);

create table waiting_events (
    id          bigint generated always as identity primary key,
    source      text not null,
    names       text[] not null,  -- namespace:id, in the order in which they count
    event       jsonb not null,   -- the envelope without its customer
    received_at timestamptz not null
);
create index waiting_events_by_name on waiting_events using gin (names) with (fastupdate = off);
create index waiting_events_by_age on waiting_events (received_at);
