"""Endpoints, subscriptions, and the outbox with its deliveries and attempts."""
