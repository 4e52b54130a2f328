"""Outgoing HTTP: signs a message, guards the address it goes to, and posts it. The only room that
speaks httpx.

What must not live here: when to retry and what an answer means (`core.delivery`), and the database.
"""
