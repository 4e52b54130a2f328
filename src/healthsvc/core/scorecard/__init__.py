"""The scorecard as data: its model, how a document is read into it, its variants and frozen
distributions.

Nothing here folds or scores: it says by which rules others do.
"""
