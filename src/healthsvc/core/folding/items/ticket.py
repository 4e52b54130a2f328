"""Items of kind `ticket`: open until resolved, waiting until its first answer."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.items.kind import (
    Counted,
    Item,
    ItemRules,
    count_and_oldest,
    open_since,
)
from healthsvc.core.scorecard.surveys import SurveyRules

OPENED, ANSWERED, CLOSED = range(3)
_FIELD_OF: Final[dict[Moment, int]] = {"opened": OPENED, "answered": ANSWERED, "closed": CLOSED}


class Ticket(ItemRules):
    kind: ClassVar[ItemKind] = "ticket"
    number: ClassVar[int] = 1
    fields: ClassVar[int] = 3
    columns: ClassVar[tuple[str, ...]] = (
        *("tickets_open", "tickets_open_since"),
        *("tickets_waiting", "tickets_waiting_since"),
    )

    def add(self, item: Item, moment: Moment, event: Any, us: float) -> None:
        field = _FIELD_OF[moment]
        item[field] = max(item[field], us)

    def newest(self, item: Item) -> float:
        return max(item)

    def compact(self, item: Item) -> Item:
        """An opening or answer before the end can't matter: only a later opening opens again."""
        opened, answered, closed = item
        return [
            opened if opened > closed else 0.0,
            answered if answered > closed else 0.0,
            closed,
        ]

    def summary(
        self, items: Sequence[Counted], facts: Floats, surveys: SurveyRules
    ) -> Sequence[float]:
        open_items = [open_since(item[OPENED], item[CLOSED], start) for item, start in items]
        waiting = [
            open_since(item[OPENED], max(item[ANSWERED], item[CLOSED]), start)
            for item, start in items
        ]
        return *count_and_oldest(open_items), *count_and_oldest(waiting)
