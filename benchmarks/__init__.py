"""Benchmarks: the whole job measured beside three references, on the same broker, in the same run.

`make bench` (or `python -m benchmarks`) prints a table and writes `latest.json`. Nothing in the
product imports this.
"""
