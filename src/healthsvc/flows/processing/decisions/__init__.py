"""Decisions of a flush: to rows of the database, and to messages that are rendered if somebody
subscribes.

What is decided comes from `core.decisions`; nothing here decides.
"""
