"""Processes and sockets: roles that run together until a signal, the embedded PostgreSQL, the HTTP socket.

Nothing here knows events, customers or scores; `wiring` says what runs.
"""
