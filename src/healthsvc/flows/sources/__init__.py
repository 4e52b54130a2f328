"""Calls of other systems: checked by their mapping, resolved to customers, and appended to the log
in one transaction."""
