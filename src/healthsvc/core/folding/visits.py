"""Which visits of a batch don't count: those of people of ours, robots or test accounts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from healthsvc.core.events import FEATURE_USED, PAGE_VIEWED, SESSION_STARTED

VISITS: Final = (FEATURE_USED.name, PAGE_VIEWED.name, SESSION_STARTED.name)
"""The types whose data says who came."""
MOST_AGENTS: Final = 20_000
"""User agents remembered; the memory starts anew beyond it."""


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """A scorecard's rule on visits."""

    is_counted: Callable[[Any], bool]
    """Whether an event is the customer's own visit, or no visit."""
    contact_decides: bool
    """Whether a visit without any mark in its data may be left out, because of its contact."""
    _people: set[tuple[type, str]] = field(default_factory=set)
    """User agents that aren't robots', by the class of data that they come with."""

    def left_out(self, events: Sequence[Any], places: Sequence[int]) -> list[int]:
        """The places of visits that don't count. places: of the visits in the batch."""
        if self.contact_decides:
            return [place for place in places if not self.is_counted(events[place])]
        return [place for place in self._marked(events, places) if not self._is_own(events[place])]

    def _marked(self, events: Sequence[Any], places: Sequence[int]) -> list[int]:
        """The visits whose data may tell that they don't count."""
        people = self._people
        return [
            place
            for place in places
            if (data := events[place].data).visitor is not None
            or data.impersonated_by is not None
            or (data.user_agent is not None and (type(data), data.user_agent) not in people)
        ]

    def _is_own(self, event: Any) -> bool:
        """Whether the visit counts; the user agent of one that does is remembered."""
        data = event.data
        if not self.is_counted(event):
            return False
        if data.visitor is None and not data.impersonated_by and data.user_agent is not None:
            if len(self._people) >= MOST_AGENTS:
                self._people.clear()
            self._people.add((type(data), data.user_agent))
        return True
