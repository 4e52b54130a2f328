"""Decisions: bands after hysteresis and dwell, flags raised and released, alerts, timers.

Each follows from the evaluation and the last decision, and is returned as data; `flows` carries it
out.
"""
