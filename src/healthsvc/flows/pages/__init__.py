"""Page rules on real addresses: which rule decides, and which pages no rule knows.

Reads the live scorecard and the archive; changes nothing.
"""
