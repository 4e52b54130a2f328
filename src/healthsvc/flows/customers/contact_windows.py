"""When a customer is to be called and how often it was: its hours from the archive, its own
clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from healthsvc.core.events import NOT_BY_CUSTOMER
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.visits import VISITS
from healthsvc.core.insights import contact_windows
from healthsvc.core.insights.briefing import last_contact
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.core.instants import from_us
from healthsvc.core.scoring.view import View
from healthsvc.store.customers import activity_hours
from healthsvc.store.customers.activity_hours import Act
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.events.time_zones import iana


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursToCall:
    """From when to when on a working day, as hh:mm."""

    begin: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPlan:
    """When to call, and whether it was often enough already."""

    timezone: str
    timezone_from: Literal["profile", "default"]
    windows: list[HoursToCall]
    """The best first."""
    windows_from: Literal["activity", "default"]
    peak_hours: list[int]
    next_window_at: datetime
    contacts: int | None
    contacts_in_days: int
    cap: int
    over_cap: bool
    last_contact_at: datetime | None


async def acted(
    conn: AsyncConnection, keys: Sequence[int], now_us: int, program: CompiledScorecard
) -> Mapping[int, list[int]]:
    """When these customers acted themselves lately, by key; program: says which types are acts."""
    since_us = now_us - contact_windows.LOOKED_BACK_US
    newest = await activity_hours.acted(conn, keys, since_us, NOT_BY_CUSTOMER, VISITS)
    return {key: own_acts(acts, program, now_us) for key, acts in newest.items()}


def own_acts(acts: Sequence[Act], program: CompiledScorecard, now_us: int) -> list[int]:
    """The instants of the customer's own acts: visits of staff, robots and the like are none."""
    own = [act.occurred_us for act in acts if act.visit is None and program.is_act(act.event_type)]
    visits = [act for act in acts if act.visit is not None]
    batch = decode_batch([str(act.visit).encode() for act in visits], now_us=now_us)
    for place, event in zip(batch.index, batch.events, strict=True):
        if program.is_counted(event):
            own.append(visits[place].occurred_us)
    return own


def plan(
    view: View,
    row: int,
    zone_name: object,
    acts_us: Sequence[int],
    rules: ContactRules,
    now: datetime,
) -> ContactPlan:
    """The windows and the cap of one row. zone_name: as the profile has it."""
    zone = zone_of(zone_name)
    own = zone if zone is not None else zone_of(rules.timezone) or ZoneInfo("UTC")
    hours = contact_windows.hours([from_us(us).astimezone(own) for us in acts_us])
    contacts = contact_windows.contacts_within(view, row, rules.cap_days)
    last_us = last_contact(view, row)
    return ContactPlan(
        timezone=rules.timezone if zone is None else zone.key,
        timezone_from="profile" if zone is not None else "default",
        windows=[
            HoursToCall(begin=f"{begin:02}:00", end=f"{end:02}:00") for begin, end in hours.windows
        ],
        windows_from="activity" if hours.known else "default",
        peak_hours=list(hours.peak),
        next_window_at=contact_windows.next_window(hours.windows, now.astimezone(own)),
        contacts=contacts,
        contacts_in_days=rules.cap_days,
        cap=rules.cap,
        over_cap=contacts is not None and contacts >= rules.cap,
        last_contact_at=None if last_us is None else from_us(last_us),
    )


def zone_of(name: object) -> ZoneInfo | None:
    """The time zone of a name, IANA's or that of Windows; None where it isn't one."""
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(iana(name) or name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
