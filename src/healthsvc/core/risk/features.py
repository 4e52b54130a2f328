"""Features: numbers made of levels and instants, on which the terms of a model are drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.levels import Level, Snapshot

FeatureKind = Literal[
    "log_count", "trouble_share", "log_value", "mean_value", "trend", "tenure", "recency", "product"
]
KINDS: Final[tuple[FeatureKind, ...]] = (
    "log_count",
    "trouble_share",
    "log_value",
    "mean_value",
    "trend",
    "tenure",
    "recency",
    "product",
)

_LN2: Final = float(np.log(2.0))
_NEVER_DAYS: Final = 3650.0
"""How long ago the last event of a customer without events is taken to be."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number per customer.

    log_count: log1p of a source's level. trouble_share: trouble / (act + trouble + 1). log_value:
    log1p of the decayed value over `scale`, sign kept. mean_value: decayed mean of the values over
    `scale`; 0 where there is none. trend: log of the rate over `half_life_us` against that over
    `long_us`, near 0 while there are few events. tenure, recency: log1p of the days since the first
    and the last event. product: of the two features in `of`.
    """

    kind: FeatureKind
    source: str = "act"
    half_life_us: int = 0
    long_us: int = 0
    scale: float = 1.0
    of: tuple["Feature", ...] = ()

    @property
    def name(self) -> str:
        """How it is called in reports and explanations."""
        if self.kind == "product":
            return " x ".join(one.name for one in self.of)
        if self.kind in ("tenure", "recency"):
            return self.kind
        days = f"{self.half_life_us / DAY_US:g}d"
        long = f"/{self.long_us / DAY_US:g}d" if self.long_us else ""
        source = "" if self.kind == "trouble_share" else f" {self.source}"
        return f"{self.kind}{source} {days}{long}"

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that it needs kept."""
        h, source = self.half_life_us, self.source
        match self.kind:
            case "log_count":
                return (Level(source, h),)
            case "trouble_share":
                return (Level("act", h), Level("trouble", h))
            case "log_value":
                return (Level(source, h, "value"),)
            case "mean_value":
                return (Level(source, h, "value"), Level(source, h, "valued"))
            case "trend":
                return (Level(source, h), Level(source, self.long_us))
            case "product":
                return tuple(dict.fromkeys(level for one in self.of for level in one.levels))
            case _:
                return ()

    @property
    def behavioural(self) -> bool:
        """Whether it comes from what the customer does, not from the calendar alone."""
        return self.kind != "tenure" and all(one.behavioural for one in self.of)


def values(feature: Feature, snapshot: Snapshot) -> Floats:
    """(n,) the feature of each customer. Elementwise: one customer gives the same bits alone or
    among many."""
    return _MAKERS[feature.kind](feature, snapshot)


def _log_count(feature: Feature, snapshot: Snapshot) -> Floats:
    return np.log1p(snapshot.level(feature.levels[0]))


def _trouble_share(feature: Feature, snapshot: Snapshot) -> Floats:
    act, trouble = (snapshot.level(level) for level in feature.levels)
    share: Floats = trouble / (act + trouble + 1.0)
    return share


def _log_value(feature: Feature, snapshot: Snapshot) -> Floats:
    value = snapshot.level(feature.levels[0]) / feature.scale
    log: Floats = np.sign(value) * np.log1p(np.abs(value))
    return log


def _mean_value(feature: Feature, snapshot: Snapshot) -> Floats:
    value, count = (snapshot.level(level) for level in feature.levels)
    known = count > 1e-6
    mean: Floats = np.where(known, value / np.where(known, count, 1.0), 0.0) / feature.scale
    return mean


def _trend(feature: Feature, snapshot: Snapshot) -> Floats:
    short, long = (snapshot.level(level) for level in feature.levels)
    span = feature.long_us / feature.half_life_us
    change: Floats = np.log1p(short * (span * _LN2)) - np.log1p(long * _LN2)
    return change


def _tenure(feature: Feature, snapshot: Snapshot) -> Floats:
    known = np.isfinite(snapshot.first)
    days = np.where(known, (snapshot.now_us - np.where(known, snapshot.first, 0.0)) / DAY_US, 0.0)
    return np.log1p(np.maximum(days, 0.0))


def _recency(feature: Feature, snapshot: Snapshot) -> Floats:
    days = np.where(snapshot.last > 0, (snapshot.now_us - snapshot.last) / DAY_US, _NEVER_DAYS)
    since: Floats = np.log1p(np.clip(days, 0.0, _NEVER_DAYS))
    return since


def _product(feature: Feature, snapshot: Snapshot) -> Floats:
    one, other = feature.of
    product: Floats = values(one, snapshot) * values(other, snapshot)
    return product


_MAKERS: Final[dict[FeatureKind, Callable[[Feature, Snapshot], Floats]]] = {
    "log_count": _log_count,
    "trouble_share": _trouble_share,
    "log_value": _log_value,
    "mean_value": _mean_value,
    "trend": _trend,
    "tenure": _tenure,
    "recency": _recency,
    "product": _product,
}
