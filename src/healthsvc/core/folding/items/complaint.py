"""Items of kind `complaint`: open until resolved; its rating says how well it was served."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.facts import COLUMN
from healthsvc.core.folding.items.kind import (
    Counted,
    Item,
    ItemRules,
    count_and_oldest,
    open_since,
)
from healthsvc.core.scorecard.surveys import SurveyRules

WELL_SERVED: Final = 4.0
"""A rating (1-5) from here on counts as served well."""
BADLY_SERVED: Final = 2.0
"""And one up to here as served badly."""
OPENED, CLOSED, RATING, RATED_AT = range(4)
_WELL_BEFORE, _BADLY_BEFORE = COLUMN["well_served_before_at"], COLUMN["badly_served_before_at"]
"""Of complaints that a former version let go of."""


class Complaint(ItemRules):
    kind: ClassVar[ItemKind] = "complaint"
    number: ClassVar[int] = 2
    fields: ClassVar[int] = 4
    columns: ClassVar[tuple[str, ...]] = (
        *("complaints_open", "complaints_open_since"),
        *("served_well_at", "served_badly_at"),
    )

    def add(self, item: Item, moment: Moment, event: Any, us: float) -> None:
        if moment == "rated":
            rating = (us, float(event.data.rating))
            item[RATED_AT], item[RATING] = max((item[RATED_AT], item[RATING]), rating)
        else:
            field = OPENED if moment == "opened" else CLOSED
            item[field] = max(item[field], us)

    def newest(self, item: Item) -> float:
        return max(item[OPENED], item[CLOSED], item[RATED_AT])

    def compact(self, item: Item) -> Item:
        opened, closed, rating, rated_at = item
        return [opened if opened > closed else 0.0, closed, rating, rated_at]

    def summary(
        self, items: Sequence[Counted], facts: Floats, surveys: SurveyRules
    ) -> Sequence[float]:
        open_items = [open_since(item[OPENED], item[CLOSED], start) for item, start in items]
        verdicts = [_verdict(item, start) for item, start in items]
        well = max([well for well, _ in verdicts], default=0.0)
        badly = max([badly for _, badly in verdicts], default=0.0)
        return (
            *count_and_oldest(open_items),
            max(well, float(facts[_WELL_BEFORE])),
            max(badly, float(facts[_BADLY_BEFORE])),
        )


def _verdict(item: Item, counts_from: float) -> tuple[float, float]:
    """When a complaint was rated as served well, and as served badly; 0 where it wasn't. What a
    rating says depends on whether the complaint is resolved."""
    opened_at, closed_at, rating, rated_at = item
    if rated_at <= counts_from:
        return 0.0, 0.0
    is_open = open_since(opened_at, closed_at, counts_from) > 0
    if rating >= WELL_SERVED and not is_open:
        return rated_at, 0.0
    return (0.0, rated_at) if rating <= BADLY_SERVED else (0.0, 0.0)
