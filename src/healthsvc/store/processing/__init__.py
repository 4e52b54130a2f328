"""What the spine reads and writes: partitions, customers' homes, states, timers, decisions, ids,
the archive.

Written in the flush's transaction by the partition's owner alone.
"""
