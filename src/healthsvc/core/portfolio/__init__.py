"""What became of customers, by what was told of money, answers and tickets: over a period, and step
by step.

Everything is a sum by group, so the sums of some customers and of others add up to those of all.
"""
