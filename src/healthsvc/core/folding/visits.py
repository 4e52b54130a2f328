"""Which visits of a batch don't count: those of staff, robots, test accounts and the like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from healthsvc.core.events import FEATURE_USED, PAGE_VIEWED, SESSION_STARTED

VISITS: Final = (FEATURE_USED.name, PAGE_VIEWED.name, SESSION_STARTED.name)
"""The types whose data says who came."""


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """A scorecard's rule on visits."""

    is_counted: Callable[[Any], bool]
    """Whether an event is the customer's own visit, or no visit."""
    contact_decides: bool
    """Whether a visit without any mark in its data may be left out, because of its contact."""

    def left_out(self, events: Sequence[Any], places: Sequence[int]) -> list[int]:
        """The places of visits that don't count. places: of the visits in the batch."""
        if not self.contact_decides:
            places = [
                place
                for place in places
                if (data := events[place].data).user_agent is not None
                or data.visitor is not None
                or data.impersonated_by is not None
            ]
        return [place for place in places if not self.is_counted(events[place])]
