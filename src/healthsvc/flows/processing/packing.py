"""States made ready to be written."""

from collections.abc import Callable
from typing import Final

import numpy as np

from healthsvc.core.arrays import Rows
from healthsvc.core.folding.states import States
from healthsvc.store.database.copying import Block, Piece
from healthsvc.store.processing import states as stored

AT_ONCE: Final = 1000
"""Customers; between a state and what is sent of it nothing then leaves the processor's cache."""


def _as_it_is(piece: Piece) -> Piece:
    return piece


def packed(
    states: States,
    projection: int,
    rows: Rows,
    *,
    fresh: bool,
    keep: Callable[[Piece], Piece] = _as_it_is,
) -> stored.StateRows | None:
    """The rows' states encoded, each piece as `keep` answers it; None: there are none.

    fresh: the database doesn't have them yet. Where it has the others isn't known any longer
    afterwards.
    """
    if not len(rows):
        return None
    content: Block = []
    for first in range(0, len(rows), AT_ONCE):
        some = rows[first : first + AT_ONCE]
        changed = [(i, row) for i, row in enumerate(some.tolist()) if row in states.profile_changed]
        encoded = stored.rows(
            projection,
            states.key[some],
            states.partition[some],
            states.pack(some),
            states.decisions.take(some).array,
            {i: states.profile_json(row) for i, row in changed},
            None if fresh else states.tid[some],
        )
        content += map(keep, encoded)
    known_tids = int(np.count_nonzero(states.tid[rows]))
    states.tid[rows] = 0
    return stored.StateRows(content, len(rows), known_tids)
