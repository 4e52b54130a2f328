"""Decisions with memory: bands after hysteresis and dwell, flags raised and released, alerts, timers.

Returned as data; `flows` carries them out.
"""
