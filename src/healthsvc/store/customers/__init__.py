"""Reads about customers: summary, history, timeline, contacts, the past."""
