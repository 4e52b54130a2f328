"""Scorecard versions from draft to live: build, publish, ship gate, shadow, preview, upgrade, first
start.

Folds the archive with the parts of `processing`; never touches the live projection's rows before
the switch.
"""
