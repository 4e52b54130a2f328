"""Runs of the lab, its schedule, and the archive as a stream in the order of time."""
