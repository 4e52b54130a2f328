"""From state to health as of an instant: score, coverage, flags, lifecycle, loyalty, and the explanation.

Pure functions of (state, scorecard, now), without memory: what has one is in `decisions`.
"""
