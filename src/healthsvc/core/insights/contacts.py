"""The people at a customer: who is there, who went quiet, who has left."""

from dataclasses import dataclass
from typing import Final, Literal

from healthsvc.core.instants import DAY_US

Status = Literal["left", "quiet", "active", "seldom"]
QUIET_US: Final = 28 * DAY_US
ENOUGH: Final = 3
"""Who did fewer things than these isn't missed: seldom there differs from went quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the archive has of one person; instants 0 where there is none."""

    contact_id: str
    events: int
    """Things that the person did."""
    events_lately: int
    """Of these in the last 28 days."""
    first_us: int
    last_us: int
    nps: float | None
    nps_us: int
    contacted_us: int
    """When one of ours spoke with them last, or tried to."""
    left_us: int


def status(person: Person, now_us: int) -> Status:
    """Left, unless something was done since; quiet after 28 days of one who was there; active; else
    seldom there."""
    if person.left_us and person.left_us >= person.last_us:
        return "left"
    if person.last_us and now_us - person.last_us < QUIET_US:
        return "active"
    return "quiet" if person.events >= ENOUGH else "seldom"
