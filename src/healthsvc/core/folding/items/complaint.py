"""Items of kind `complaint`: open until resolved; its rating says how well it was served."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.items.kind import (
    ItemGroups,
    ItemRules,
    Known,
    keep_latest,
    keep_newest,
    open_since,
)
from healthsvc.core.scorecard.surveys import SurveyRules

WELL_SERVED: Final = 4.0
"""A rating (1-5) from here on counts as served well."""
BADLY_SERVED: Final = 2.0
"""And one up to here as served badly."""
OPENED, CLOSED, RATING, RATED_AT = range(4)


class Complaint(ItemRules):
    kind: ClassVar[ItemKind] = "complaint"
    number: ClassVar[int] = 2
    fields: ClassVar[int] = 4
    columns: ClassVar[tuple[str, ...]] = (
        *("complaints_open", "complaints_open_since"),
        *("served_well_at", "served_badly_at"),
    )

    def add(self, numbers: Floats, moment: Moment, events: Sequence[Any], us: Floats) -> None:
        if moment == "rated":
            ratings = np.array([event.data.rating for event in events], np.float64)
            keep_latest(numbers, RATED_AT, RATING, us, ratings)
        else:
            keep_newest(numbers, OPENED if moment == "opened" else CLOSED, us)

    def newest(self, numbers: Floats) -> Floats:
        newest: Floats = numbers[:, [OPENED, CLOSED, RATED_AT]].max(axis=1)
        return newest

    def compact(self, numbers: Floats) -> Floats:
        rest = numbers.copy()
        is_open = numbers[:, OPENED] > numbers[:, CLOSED]
        rest[:, OPENED] = np.where(is_open, numbers[:, OPENED], 0.0)
        return rest

    def summary(self, items: ItemGroups, known: Known, surveys: SurveyRules) -> Sequence[Floats]:
        """What a rating says depends on whether the complaint is resolved."""
        opened, closed, rating, rated_at = items.numbers.T
        is_open = open_since(opened, closed, items.counts_from)
        rated_at = np.where(rated_at > items.counts_from, rated_at, 0.0)
        well = np.where((rating >= WELL_SERVED) & (is_open <= 0), rated_at, 0.0)
        badly = np.where(rating <= BADLY_SERVED, rated_at, 0.0)
        return (
            *items.count_and_oldest(is_open),
            np.maximum(items.latest(well), known("well_served_before_at")),
            np.maximum(items.latest(badly), known("badly_served_before_at")),
        )
