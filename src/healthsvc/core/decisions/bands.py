"""Bands after hysteresis and dwell, and their changes."""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.decisions.changes import BandChange
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.motion import fastest_half_life_us


@dataclass(frozen=True, slots=True)
class BandLimits:
    """The bands of the scorecard or variant that judges each of n customers; b bands."""

    floors: Floats
    """(n, b), or (1, b) where the scorecard itself judges everybody; so below."""
    hysteresis: Floats
    """(n,)"""
    dwell_us: Floats
    """(n,)"""
    half_life_us: Floats
    """(n,) the fastest half-life of any part of the score."""

    @classmethod
    def of(cls, card: Scorecard, evaluation: Evaluation) -> "BandLimits":
        cards = [card.judging(v) for v in range(len(card.variants) + 1)]
        variant = evaluation.variant
        return cls(
            floors=np.array([[band.floor for band in c.bands] for c in cards])[variant],
            hysteresis=np.array([c.hysteresis for c in cards])[variant],
            dwell_us=np.array([float(c.dwell_us) for c in cards])[variant],
            half_life_us=np.array([float(fastest_half_life_us(c)) for c in cards])[variant],
        )

    def floor_of(self, band: Int64s) -> Floats:
        """(n,) the floor of a band of each customer."""
        rows = np.arange(len(band)) if len(self.floors) == len(band) else 0
        floor: Floats = self.floors[rows, band]
        return floor


def move_bands(
    limits: BandLimits, score: Floats, evaluation: Evaluation, anew: Mask, after: DecisionStates
) -> None:
    """Move customers between bands; writes band, band_since and pending_since of `after`.

    A worse band counts at once, a better one when it has held for the dwell; both only beyond the
    hysteresis. An override counts as it is, and another variant's judgement too: its floors are
    others, so there is nothing to hold on to.
    """
    now = evaluation.now_us
    known = ~np.isnan(score) & ~evaluation.churned
    marks = np.where(known, score, 0.0)
    current, pending_since = after.band, after.pending_since
    band = current.astype(np.int64)
    natural = _band_at(limits.floors, marks)
    attainable = _band_at(limits.floors + limits.hysteresis[:, None], marks)
    without_hysteresis = evaluation.overridden | anew

    is_first = known & (band < 0)
    is_below = marks < limits.floor_of(np.maximum(band, 0)) - limits.hysteresis
    is_worse = known & ~is_first & (natural > band) & is_below
    is_worse |= known & without_hysteresis & (natural != band)
    is_better = known & ~is_first & ~without_hysteresis & (attainable < band)
    better_since = np.where(is_better, np.where(pending_since > 0, pending_since, now), 0.0)
    is_risen = is_better & (now - better_since >= limits.dwell_us)
    is_moved = is_first | is_worse | is_risen

    after.band = np.where(is_risen, attainable, np.where(is_first | is_worse, natural, current))
    after.band_since = np.where(is_moved, now, after.band_since)
    after.pending_since = np.where(is_moved, 0.0, better_since)


def band_changes(
    card: Scorecard, before: DecisionStates, after: DecisionStates, quiet: set[int], anew: Mask
) -> list[BandChange]:
    """Changes of band; a fall into the worse half of the bands raises an alert, except of the rows
    `quiet`."""
    risky = len(card.bands) // 2
    changes: list[BandChange] = []
    for row in np.flatnonzero(after.band != before.band).tolist():
        old, new = before.band_index(row), after.band_index(row)
        is_alert = 0 <= old < new and new >= risky and row not in quiet
        changes.append(
            BandChange(row=row, before=old, after=new, alert=is_alert, anew=bool(anew[row]))
        )
    return changes


def _band_at(floors: Floats, score: Floats) -> Int64s:
    """Index of the best band whose floor the score reaches (0 is the best band); floors: (1 or n,
    b)."""
    band: Int64s = (score[:, None] < floors).sum(axis=1)
    at_most: Int64s = np.minimum(band, floors.shape[1] - 1)
    return at_most
