"""Figures of the portfolio over a period, from the ledger.

Reads the ledger and keeps it up to date; changes nothing else.
"""
