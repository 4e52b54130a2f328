"""The spine: reads the log, folds, decides and writes, in the order of the data's way.

    ports                 what the spine needs from outside: the inputs of the log
    worker                the loop: reads inputs, folds, flushes, recovers
    leases                which partitions this worker reads
    state_format          whether this version reads the stored states
    owned_partition       one partition in memory: offsets, ids, what is pending
    decode                bytes of one read to columns of events
    owner                 folds events into the states of owned partitions
    state_cache           which customers are in memory
    poison_records        isolates records that break the folding
    traffic               counts events for outage detection
    timer_scheduler       has customers decided when their instant has come
    flush_policy          when a flush is due
    flush_builder         decides and encodes what is pending
    decided_batch         the decisions about rows of the states
    briefing              what to know before the talk about an alert
    decision_writer       decisions to rows of the database and messages
    unrendered_messages   webhook messages, rendered only if somebody subscribes
    packing               states to bytes
    flush                 writes everything in one transaction, offsets included
    warm_start            reads the tables into memory while a worker starts

It imports no other capability of `flows`; they build on it.
"""
