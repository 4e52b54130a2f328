"""The pure core: levels, facts, scores, risk, flags and decisions, as functions of what was logged
and of an instant.

Standard library and numpy alone. What must not live here: I/O, the clock, chance, the
configuration: times and ids come in as arguments, decisions go out as data.
"""
