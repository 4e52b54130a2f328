"""What a fit may look at: one generic set of features for any log, made of the horizon and of the
log's own types."""

from collections.abc import Sequence
from typing import Final

from healthsvc.core.levels import MIN_HALF_LIFE_US
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.levels import Level
from healthsvc.core.risk.model import LEAST_US

SPANS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Half-lives in horizons."""
TYPE_SPANS: Final = (0.5, 1.0, 2.0, 4.0)
MOST_TYPES: Final = 24
"""Types with features of their own: the first that a log shows; later ones count with their
kind."""


def half_life(horizon_us: int, span: float) -> int:
    """A half-life of so many horizons, no shorter than live levels allow; a horizon that is shorter
    itself, which only a file can ask for, has none below it."""
    return max(min(MIN_HALF_LIFE_US, horizon_us), LEAST_US, round(horizon_us * span))


def of_kinds(horizon_us: int) -> tuple[Feature, ...]:
    """The features that any log has."""
    spans = tuple(dict.fromkeys(half_life(horizon_us, s) for s in SPANS))
    short, one, two, long = (half_life(horizon_us, s) for s in (0.5, 1.0, 2.0, 4.0))
    return (
        *(Feature("log_count", "act", h) for h in spans),
        *(Feature("trouble_share", "trouble", h) for h in spans[1:]),
        *(Feature("log_count", "trouble", h) for h in (short, two)),
        *(Feature("log_count", "neutral", h) for h in (one, long)),
        *(Feature("log_value", "any", h) for h in (one, long)),
        *(Feature("mean_value", "any", h) for h in (one, long)),
        Feature("trend", "act", short, two),
        Feature("recency"),
        Feature("tenure"),
    )


def of_type(horizon_us: int, event_type: str) -> tuple[Feature, ...]:
    """The features of one type."""
    source = f"type:{event_type}"
    two = half_life(horizon_us, 2.0)
    counts = (Feature("log_count", source, half_life(horizon_us, s)) for s in TYPE_SPANS)
    return (*dict.fromkeys(counts), Feature("mean_value", source, two))


def levels_of(features: Sequence[Feature]) -> tuple[Level, ...]:
    """The levels that features need, each once."""
    return tuple(dict.fromkeys(level for feature in features for level in feature.levels))
