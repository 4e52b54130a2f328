"""Items of a customer: tickets, complaints, invoices, each by the hash of its id, and what they
come to.

A file for each kind, listed in `registry`: what an event writes into an item, when the item
counts, and the columns of the facts that all items of the kind come to. Up to `kind.MOST` of each
kind are kept, whether open or settled, so that the order of events doesn't matter; beyond that the
oldest count as settled. What must not live here: the time of day. An item says since when it is
open; flags and judges compare that with now.
"""
