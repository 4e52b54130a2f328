"""From events to state: facts, items and levels of customers, ids already counted, how states are
packed.

Order of events doesn't matter here. Nothing here judges: see `scoring`.
"""
