"""Readiness: what this process does in the background, whether its inputs make progress, and what
is told of it."""
