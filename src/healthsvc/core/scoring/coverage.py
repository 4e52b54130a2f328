"""How much of the scorecard there is evidence for, in a word, and what is missing.

The share itself is the evaluation's. A measure that only speaks when something happened, such as an
open complaint, is never missing.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View

Level = Literal["low", "medium", "high"]
LEVELS: Final[tuple[Level, ...]] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingMeasure:
    """A measure that nothing is known of, and what would make it known."""

    measure: str
    dimension: str
    share: float
    """Of the scorecard's weight, 0 to 1."""
    types: tuple[str, ...]
    """The events that feed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is known of one customer."""

    share: float
    level: Level
    enough: bool
    """Whether there is evidence for a score."""
    missing: tuple[MissingMeasure, ...]
    """The heaviest first."""


def coverage(view: View, evaluation: Evaluation, row: int) -> Coverage:
    """The coverage of one row, by the scorecard or variant that judges it."""
    card = view.program.scorecard.judging(evaluation.variant_of(row))
    share = float(evaluation.coverage[row])
    return Coverage(
        share=share,
        level=level_of(card, share),
        enough=not bool(np.isnan(evaluation.raw[row])),
        missing=_missing(card, evaluation, row),
    )


def level_of(card: Scorecard, share: float) -> Level:
    """What a share is called."""
    if share >= card.evidence.high:
        return "high"
    return "medium" if share >= card.evidence.medium else "low"


def _missing(card: Scorecard, evaluation: Evaluation, row: int) -> tuple[MissingMeasure, ...]:
    dimension_weights = dict(card.dimensions)
    feeds = {measure.name: measure.feeds for measure in card.level_measures}
    expected = [
        (k, measure, dimension_weights[measure.dimension or ""] * measure.share)
        for k, measure in enumerate(card.scored_measures)
        if measure.judge is not None and measure.judge.expected
    ]
    full = sum(weight for *_, weight in expected)
    unknown = [
        MissingMeasure(
            measure=measure.name,
            dimension=measure.dimension or "",
            share=weight / full,
            types=tuple(dict.fromkeys(feed.type for feed in feeds[measure.of or measure.name])),
        )
        for k, measure, weight in expected
        if weight > 0 and evaluation.weight[row, k] <= 0
    ]
    return tuple(sorted(unknown, key=lambda one: -one.share))
