-- What lists show, filter and sort by beside the health: the subscription, and since when the band holds.

alter table standings
    add column band_since timestamptz,          -- null: no band
    add column mrr        double precision,     -- monthly, in `currency`; null: nobody told it
    add column currency   text,
    add column renewal_at timestamptz;
create index standings_mrr on standings (projection, mrr desc nulls last, customer_key) where mrr is not null;
create index standings_renewal on standings (projection, renewal_at, customer_key) where renewal_at is not null;
