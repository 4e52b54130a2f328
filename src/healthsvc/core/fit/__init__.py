"""Fitting a risk model on outcomes: candidates, ladder, evidence. numpy alone, deterministic, no
knowledge of files.

What must not live here: anything tuned to one log, chance, the clock.
"""
