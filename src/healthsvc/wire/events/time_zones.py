"""Time zones as senders write them, turned into IANA names: IANA's own, and those of Windows by the
table of Unicode CLDR, which tzlocal carries.

An unknown name is refused where an event comes in. In what was accepted long ago it stays as it is,
and the customer's clock is the service's default.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final
from zoneinfo import available_timezones

from msgspec.structs import replace
from tzlocal.windows_tz import win_tz

from healthsvc.wire.events.catalogue import CustomerUpdated, Envelope
from healthsvc.wire.events.rejects import Reject, refuse

POINTER: Final = "/data/timezone"
RULE: Final = (
    "must be an IANA time zone such as Europe/Berlin, or a Windows one such as W. Europe Standard"
    " Time"
)


@cache
def _names_by_key() -> dict[str, str]:
    """IANA name by name in lower case."""
    windows = {name.casefold(): zone for name, zone in win_tz.items()}
    return windows | {name.casefold(): name for name in available_timezones()}


@lru_cache(maxsize=4096)
def iana(name: str) -> str | None:
    """The IANA name of a time zone; None where it isn't one."""
    return _names_by_key().get(name.strip().casefold())


def with_iana_zones(events: list[Envelope]) -> list[Envelope]:
    """The events, profiles with IANA names where theirs are known by another."""
    return [_with_iana_zone(event) for event in events]


def _with_iana_zone(event: Envelope) -> Envelope:
    if not isinstance(event, CustomerUpdated) or not event.data.timezone:
        return event
    zone = iana(event.data.timezone)
    if zone is None or zone == event.data.timezone:
        return event
    return replace(event, data=replace(event.data, timezone=zone))


def unknown_zones(events: Sequence[Envelope], index: Sequence[int]) -> dict[int, Reject]:
    """By place among the events: refusals of profiles whose time zone nobody knows. index: the
    place of each event in its batch."""
    return {
        place: refuse("invalid_data", f"{RULE}, got {zone[:64]!r}", POINTER, index[place])
        for place, event in enumerate(events)
        if isinstance(event, CustomerUpdated)
        and (zone := event.data.timezone)
        and iana(zone) is None
    }
