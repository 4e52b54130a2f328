"""What people and their tools manage: API keys, alerts to be settled, webhook endpoints, dead letters.

Each use case is one transaction with its audit row. What could be expected (nothing there, changed meanwhile, settled
already) comes back as a value. What must not live here: anything that changes a customer's health, other than by an
event appended to the log.
"""
