-- Features by name: which a plan includes, and what the hashes of the ledger stand for.

create table ledger_features_owned (  -- as the newest profile that says it has it
    customer_key bigint primary key,
    occurred_us  bigint not null,
    sequence     bigint not null,
    names        text[]               -- null: it has only their number
);

create table ledger_feature_names (   -- of features that were used
    function bigint primary key,      -- hash of its name
    name     text not null
);
