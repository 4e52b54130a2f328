"""The people at a customer, from the archive."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from healthsvc.core.insights.contacts import QUIET_US, Person, Status, status
from healthsvc.core.instants import DAY_US, from_us, to_us
from healthsvc.store.customers import contacts
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import customer_homes

YEAR_US: Final = 365 * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactProfile:
    """One person: there, quiet or gone, with what they answered and when somebody spoke with
    them."""

    contact_id: str
    status: Status
    champion: bool | None
    """None: the customer's profile doesn't say who it is."""
    events: int
    events_28_days: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    nps: float | None
    nps_at: datetime | None
    contacted_at: datetime | None
    left_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The people of one customer, the last seen first."""

    items: list[ContactProfile]
    since: datetime
    """Nothing older was looked at."""
    complete: bool
    """False: there was more than was looked at."""


async def people(engine: AsyncEngine, customer_id: str, now: datetime) -> People | None:
    """The people at a customer; None for an unknown one."""
    now_us = to_us(now)
    async with engine.connect() as conn:
        home = (await customer_homes.find(conn, [customer_id])).get(customer_id)
        if home is None:
            return None
        champion = await contacts.champion(conn, home.key)
        rows = await contacts.people(conn, home.key, now_us - YEAR_US, now_us, now_us - QUIET_US)
    looked_at = rows[0]["looked_at"] if rows else 0
    persons = [
        Person(**{name: value for name, value in row.items() if name != "looked_at"})
        for row in rows
    ]
    return People(
        items=[_profile(person, now_us, champion) for person in persons],
        since=from_us(now_us - YEAR_US),
        complete=looked_at < contacts.MOST_EVENTS and len(persons) < contacts.MOST_PEOPLE,
    )


def _profile(person: Person, now_us: int, champion: str | None) -> ContactProfile:
    return ContactProfile(
        contact_id=person.contact_id,
        status=status(person, now_us),
        champion=None if champion is None else person.contact_id == champion,
        events=person.events,
        events_28_days=person.events_lately,
        first_seen_at=_instant(person.first_us),
        last_seen_at=_instant(person.last_us),
        nps=person.nps,
        nps_at=_instant(person.nps_us),
        contacted_at=_instant(person.contacted_us),
        left_at=_instant(person.left_us),
    )


def _instant(us: int) -> datetime | None:
    return from_us(us) if us else None
