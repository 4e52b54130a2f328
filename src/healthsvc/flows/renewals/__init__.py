"""Subscriptions that come up for renewal: which, what is at risk, and who is on it.

Reads what was decided and what is known of the customers; changes nothing.
"""
