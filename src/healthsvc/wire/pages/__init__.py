"""Page rules: which kind of page an address or a title leads to, and whose visits don't count.

A rule is data of the scorecard. This room compiles rules and matches them; it does no I/O.
"""
