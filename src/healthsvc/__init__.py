"""healthsvc: customer health in seconds, explained down to the event."""

__version__ = "0.1.0"
