"""The composition root: the only place that assembles the parts.

A module per role (`api`, `process`, `deliver`), imported by those who run it; `database` finds the
database; `keys`, `scorecards` and `portfolio` are what the command line does without a service;
`parts` turns settings into the parts' own words. What must not live here: a decision.
"""
