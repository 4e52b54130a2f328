"""The composition root: the only place that knows which parts there are and gives each what it needs.

`roles` puts the parts of a process together, `database` finds the database, `keys`, `scorecards` and `portfolio` are
what the command line does without a service, `parts` turns settings into the parts' own words. What must not live here:
a decision.
"""
