"""Alerts and their settling, operations alerts, outages, and the traffic from which outages are
detected."""
