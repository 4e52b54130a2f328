"""Scoring: score, flags and lifecycle of customers as of an instant, pure functions of (state,
scorecard, now).

Nothing here remembers: hysteresis, alerts and timers are decisions, and live elsewhere.
"""
