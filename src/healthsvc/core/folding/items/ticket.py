"""Items of kind `ticket`: open until resolved, waiting until its first answer."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.items.kind import (
    ItemGroups,
    ItemRules,
    Known,
    keep_newest,
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

    def add(self, numbers: Floats, moment: Moment, events: Sequence[Any], us: Floats) -> None:
        keep_newest(numbers, _FIELD_OF[moment], us)

    def newest(self, numbers: Floats) -> Floats:
        newest: Floats = numbers.max(axis=1)
        return newest

    def compact(self, numbers: Floats) -> Floats:
        """An opening or answer before the end can't matter: only a later opening opens again."""
        rest = numbers.copy()
        for field in (OPENED, ANSWERED):
            rest[:, field] = np.where(numbers[:, field] > numbers[:, CLOSED], numbers[:, field], 0)
        return rest

    def summary(self, items: ItemGroups, known: Known, surveys: SurveyRules) -> Sequence[Floats]:
        opened, answered, closed = items.numbers.T
        is_open = open_since(opened, closed, items.counts_from)
        waits = open_since(opened, np.maximum(answered, closed), items.counts_from)
        return *items.count_and_oldest(is_open), *items.count_and_oldest(waits)
