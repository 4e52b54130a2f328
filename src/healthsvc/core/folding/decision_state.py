"""The memory of decisions: what the owner decided last about a customer, a row of float64 beside its state.

Unlike the state it isn't a function of the log alone, but of the log and the instants at which decisions were made.
"""

from math import inf, nan
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats

_COLUMNS: Final = (
    ("band", -1.0),  # index into the scorecard's bands; -1: not enough evidence
    ("band_since", 0.0),
    ("pending_since", 0.0),  # since when a better band has held; 0: none has
    ("flags", 0.0),  # a bit a rule, in declared order
    ("score", nan),  # of the last history row
    ("day", 0.0),  # of the last history row, days since 1970
    ("frozen", nan),  # score at the moment of churn
    ("due", inf),  # the timer in the database
    ("sequence", 0.0),  # of the last message about the customer
    ("decided", 0.0),
    ("listed", nan),  # score in the standings, nan: none; UNLISTED: they don't say what they should
    ("risk", nan),  # of the last history row
    ("place", -1.0),  # stage + 1, and 16 times the number of the variant that judged
    ("loyalty", nan),  # in the standings
)
WIDTH: Final = len(_COLUMNS)
DEFAULTS: Final = np.array([default for _, default in _COLUMNS])
BAND, BAND_SINCE, PENDING_SINCE, FLAGS, SCORE, DAY, FROZEN, DUE, SEQUENCE, DECIDED, LISTED, RISK, PLACE, LOYALTY = (
    range(WIDTH)
)
UNLISTED: Final = -inf
"""In the place of the listed score: lists don't know the customer yet, or not what its profile says by now."""


def unpacked(packed: bytes) -> Floats:
    """A row, (WIDTH,), whichever version wrote it: columns are only ever added, at the end."""
    row, told = DEFAULTS.copy(), np.frombuffer(packed, np.float64)[:WIDTH]
    row[: len(told)] = told
    return row
