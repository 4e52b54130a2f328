"""Builder of one customer's events: they are added in any order and come out in time order.

Their ids are the same whenever the same seed and end are given.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from healthsvc.core.instants import HOUR_US
from healthsvc.demo.roster import Member

SOURCE = "demo"
MINUTE_US = 60_000_000
SITE = "https://www.demo.example"

Days = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetEvent:
    """One event of the fleet, not yet in the envelope's wire form."""

    id: str
    source: str
    type: str
    customer_id: str
    occurred_us: int
    contact_id: str | None
    data: dict[str, object]


@dataclass(slots=True, kw_only=True)
class ActivityBuilder:
    """One customer's events. Times are hours before the end, or microseconds."""

    member: Member
    rng: np.random.Generator
    end_us: int
    start_us: int
    stop_us: int
    events: list[tuple[int, str, str | None, dict[str, object]]] = field(default_factory=list)
    numbers: int = 0

    def add(self, at_us: float, type: str, /, **data: object) -> None:
        """Add an event, unless it is before the customer came, after it left, or in the future."""
        if self.start_us <= at_us <= min(self.stop_us, self.end_us):
            self.events.append((int(at_us) // 1000 * 1000, type, None, data))

    def act(self, at_us: float, type: str, /, **data: object) -> None:
        """The same, done by one of the customer's people."""
        people = self.member.contacts
        if self.start_us <= at_us <= min(self.stop_us, self.end_us):
            self.events.append(
                (
                    int(at_us) // 1000 * 1000,
                    type,
                    people[int(self.rng.random() * len(people))],
                    data,
                )
            )

    def one_of(self, *values: str) -> str:
        return values[int(self.rng.random() * len(values))]

    def ago(self, least_hours: float, most_hours: float) -> int:
        """An instant between so many hours before the end."""
        return self.end_us - int(self.rng.uniform(least_hours, most_hours) * HOUR_US)

    def name(self, kind: str) -> str:
        """A fresh id for a ticket, an invoice, …"""
        self.numbers += 1
        return f"{kind}-{self.member.number:03d}-{self.numbers}"

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def page(self, at_us: float, path: str, **data: object) -> None:
        self.act(at_us, "page.viewed", url=f"{SITE}{path}", **data)

    def contact(self, at_us: float, outcome: str, channel: str = "call") -> None:
        self.add(
            at_us,
            "contact.logged",
            outcome=outcome,
            channel=channel,
            author=self.member.owner,
            direction="outbound",
        )

    def in_order(self) -> list[FleetEvent]:
        """The events in time order, numbered."""
        events = sorted(self.events, key=lambda event: event[0])
        end = self.end_us // 1_000_000
        return [
            FleetEvent(
                id=f"{self.member.customer_id}-{end:x}-{number}",
                source=SOURCE,
                type=type,
                customer_id=self.member.customer_id,
                occurred_us=at_us,
                contact_id=person,
                data=data,
            )
            for number, (at_us, type, person, data) in enumerate(events)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How an archetype's activity differs from that of an ordinary customer."""

    curve: Days  # use on each day of the history, 1 is the customer's habit
    adopted: float = 0.7  # share of the owned features in use
    nps: tuple[int, int] = (6, 9)
    answers: float = 0.5  # chance that a survey is answered
    tickets: float = 0.6  # tickets a month, at ordinary use
    slow: float = 1.0  # how much longer tickets take
    rating: tuple[int, int] = (3, 5)
    unpaid: int = 0  # last invoices that are overdue
    engaged: float = 1.0
    called: bool = True  # the CSM keeps in touch


def at(instant_us: int) -> str:
    """RFC 3339, to the second, UTC."""
    return datetime.fromtimestamp(instant_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
