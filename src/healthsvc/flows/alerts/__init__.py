"""Alerts from raised to resolved: settling, the worklist, operations alerts, outage detection,
measure coverage.

A customer's alerts are raised and released by `processing`; this is what people and watches do with
alerts.
"""
