"""Outage detection: a source, a segment or all customers that fall silent at once mean a broken
tracker.

Compares traffic with its usual rhythm; what follows from it is decided in `flows.alerts`.
"""
