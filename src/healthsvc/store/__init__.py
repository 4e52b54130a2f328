"""The only room with SQL: one dialect (PostgreSQL), plain functions over a connection that a flow
has opened.

Functions here take an open `AsyncConnection`, never commit, and convert rows to the core's types
explicitly. What must not live here: decisions, the clock, and knowledge of HTTP or Kafka.
"""
