"""The ledger: money, answers, tickets and use, taken from the archive."""
