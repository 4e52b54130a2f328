"""The spine: reads the log, folds, decides and writes, in the order of the data's way.

    ports            what the spine needs from outside: the inputs of the log
    worker           the loop: reads inputs, folds, flushes, recovers
    state_format     whether this version reads the stored states
    warm_start       reads the tables into memory while a worker starts
    leases           which partitions this worker reads
    owned_partition  one partition in memory: offsets, ids, what is pending
    decode           bytes of one read to columns of events
    faults/          records that can't be read or processed
    owner            folds events into the states of owned partitions
    state_cache      which customers are in memory
    traffic          counts events for outage detection
    timer_scheduler  has customers decided when their instant has come
    flush_policy     when a flush is due
    flush_builder    decides and encodes what is pending
    decisions/       decisions to rows and messages
    packing          states to bytes
    flush            writes everything in one transaction, offsets included

It imports no other capability of `flows`; they build on it.
"""
