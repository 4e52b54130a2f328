"""Readiness: background steps of this process, progress of its inputs, and the resulting
verdict."""
