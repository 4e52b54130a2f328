"""Tables of the change feed."""
