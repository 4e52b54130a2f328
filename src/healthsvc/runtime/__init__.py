"""Processes: what runs in them again and again, and the port on which they say how they are."""
