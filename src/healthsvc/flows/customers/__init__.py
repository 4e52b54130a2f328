"""One customer: its health now, at a past instant, and the difference; explanation, insights,
roll-up, overrides.

Reads and evaluates; nothing here decides a band or raises an alert.
"""
