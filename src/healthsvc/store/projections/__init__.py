"""Scorecard versions and projections: the live one, those being built, the switch between them."""
