"""Sights: recent pages and tickets of a customer, as the archive has them; what a level has
forgotten of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from healthsvc.core.instants import DAY_US

WINDOW_US: Final = 28 * DAY_US
"""How far back sights are looked for."""
TICKET: Final = "ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """A page that somebody of the customer looked at, or a ticket that was opened."""

    kind: str
    """A page kind (`support`, `spec`, `billing`, …), or `ticket`."""
    function: str | None
    """The function of the product that it is about, where that can be told."""
    us: int
    event_id: str
    source: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """A function with which the customer seems to need help."""

    function: str
    sights: tuple[PageVisit, ...]
    """Newest first."""


HELP: Final = frozenset(("support", "spec", TICKET))


def concerns(sights: Sequence[PageVisit]) -> list[Concern]:
    """The functions that help was looked for with, the one most looked for first, then the
    newest."""
    about: dict[str, list[PageVisit]] = {}
    for sight in sights:
        if sight.kind in HELP and sight.function:
            about.setdefault(sight.function, []).append(sight)
    result = [
        Concern(function=function, sights=tuple(sorted(some, key=lambda s: (-s.us, s.event_id))))
        for function, some in about.items()
    ]
    return sorted(result, key=lambda c: (-len(c.sights), -c.sights[0].us, c.function))
