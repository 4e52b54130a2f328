"""When a customer is to be called and how often it was, ready for JSON: its hours from the archive,
its own clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from healthsvc.core.events import NOT_BY_CUSTOMER
from healthsvc.core.insights import contact_windows
from healthsvc.core.insights.briefing import last_contact
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.core.instants import from_us
from healthsvc.core.scoring.view import View
from healthsvc.store.customers import activity_hours
from healthsvc.store.database.engine import AsyncConnection


async def acted(conn: AsyncConnection, keys: Sequence[int], now_us: int) -> Mapping[int, list[int]]:
    """When these customers acted themselves lately, by key."""
    return await activity_hours.acted(
        conn, keys, now_us - contact_windows.LOOKED_BACK_US, NOT_BY_CUSTOMER
    )


def told(
    view: View,
    row: int,
    zone_name: object,
    acts_us: Sequence[int],
    rules: ContactRules,
    now: datetime,
) -> dict[str, Any]:
    """The windows and the cap of one row. zone_name: as the profile has it."""
    zone = zone_of(zone_name)
    own = zone if zone is not None else zone_of(rules.timezone) or ZoneInfo("UTC")
    hours = contact_windows.hours([from_us(us).astimezone(own) for us in acts_us])
    counted, last = (
        contact_windows.contacts_within(view, row, rules.cap_days),
        last_contact(view, row),
    )
    return {
        "timezone": zone_name if zone is not None else rules.timezone,
        "timezone_from": "profile" if zone is not None else "default",
        "windows": [
            {"from": f"{begin:02}:00", "to": f"{end:02}:00"} for begin, end in hours.windows
        ],
        "windows_from": "activity" if hours.known else "default",
        "peak_hours": list(hours.peak),
        "next_window_at": contact_windows.next_window(hours.windows, now.astimezone(own)),
        "contacts": counted,
        "contacts_in_days": rules.cap_days,
        "cap": rules.cap,
        "over_cap": counted is not None and counted >= rules.cap,
        "last_contact_at": None if last is None else from_us(last),
    }


def zone_of(name: object) -> tzinfo | None:
    """The time zone of an IANA name; None where it isn't one."""
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
