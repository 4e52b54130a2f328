"""Alerts as people see and settle them, operations alerts, outages and the traffic they are told
from."""
