-- The ledger: what the portfolio's figures need of the archive, without its texts, so that no figure scans the archive.

create table ledger (                -- money, survey answers and tickets, an entry an event
    customer_key bigint not null,
    occurred_us  bigint not null,
    partition    integer not null,
    sequence     bigint not null,    -- fold order within the partition
    kind         smallint not null,  -- core.portfolio: profile, renewed, cancelled, nps, csat, ces, opened, answered, resolved
    value        double precision,   -- recurring revenue, or the answer
    before       double precision,   -- recurring revenue before a change
    owned        double precision,   -- functions owned
    item         bigint,             -- hash of the ticket's id
    effective    text                -- of a cancellation, as it was sent
);
create index ledger_customer on ledger (customer_key, occurred_us);

create table ledger_customers (      -- since when each customer is there
    customer_key bigint primary key,
    first_us     bigint not null
);

create table ledger_functions (      -- which functions were used, in spans of 28 days since 1970
    customer_key bigint not null,
    span         integer not null,
    function     bigint not null,    -- hash of its name
    first_us     bigint not null,
    last_us      bigint not null,
    primary key (customer_key, span, function)
);

create table ledger_marks (          -- how far the archive is in the ledger
    partition    integer primary key,
    sequence     bigint not null,    -- the next place of the fold order to be read
    read_on      date not null,      -- events of earlier days are in
    missing_until timestamptz        -- some events that were logged before were never in the archive; null: all were
);
