"""Into the log: appends with group commit, replay of histories, the second chance of dead letters.

Writes the log alone; folding is `processing`.
"""
