-- The change feed: what was decided about customers, in the order of commits, kept as facts that are worded when somebody reads them.

create table change_heads (         -- a row per partition (-1: the service itself), locked from a transaction's last statement to its commit
    partition integer primary key,
    head      bigint not null,                  -- next position to be written: gapless, commit-ordered
    oldest    bigint not null default 0         -- first position that is kept
) with (fillfactor = 50);

create table changes (
    partition    integer not null,              -- the customer's home, which never changes
    position     bigint not null,
    customer_key bigint not null,               -- 0: about the service
    sequence     bigint not null,               -- numbers the customer's changes
    type         text not null,
    at           timestamptz not null,          -- when it was decided
    recorded_at  timestamptz not null default clock_timestamp(),
    facts        text not null,                 -- JSON: what its body says beyond these columns
    primary key (partition, position)
);

create table change_sequences (     -- the last number of each customer's changes
    customer_key bigint primary key,
    sequence     bigint not null,
    added        integer not null               -- how many the last transaction added
) with (fillfactor = 70);
