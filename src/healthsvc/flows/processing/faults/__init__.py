"""Records that can't be read or processed, isolated so that no partition stops.

Knows bytes, partitions and positions alone; nothing that folds or flushes is used here.
"""
