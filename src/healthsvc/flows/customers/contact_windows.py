"""When a customer is to be called and how often it was: its hours from the archive, its own
clock."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from healthsvc.core.events import NOT_BY_CUSTOMER
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.visits import VISITS
from healthsvc.core.insights import contact_windows
from healthsvc.core.insights.briefing import last_contact
from healthsvc.core.insights.contact_windows import ContactRules, Hours
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.scoring.view import View
from healthsvc.store.customers import activity_hours
from healthsvc.store.customers.activity_hours import Act
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.events.time_zones import iana

KEPT_FOR: Final = timedelta(minutes=10)
FEW_KEPT_FOR: Final = timedelta(seconds=10)
MOST_KEPT: Final = 20_000


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
    hours_as_of: datetime
    """When the archive was read for them."""
    next_window_at: datetime
    contacts: int | None
    contacts_in_days: int
    cap: int
    over_cap: bool
    last_contact_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownHours:
    """The hours of a customer, and as of when the archive was read for them."""

    hours: Hours
    as_of: datetime
    acts: int
    """How many acts they are read from."""

    def holds(self, now: datetime) -> bool:
        """Whether they needn't be read again: those of who did little may be known soon."""
        most = KEPT_FOR if self.acts >= contact_windows.ENOUGH else FEW_KEPT_FOR
        return timedelta(0) <= now - self.as_of < most


class HoursCache:
    """The hours of customers by key and time zone, the least recently used forgotten first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._hours: OrderedDict[tuple[int, str], KnownHours] = OrderedDict()

    def get(self, key: int, zone: ZoneInfo, now: datetime) -> KnownHours | None:
        """Those that hold."""
        known = self._hours.get((key, zone.key))
        if known is None or not known.holds(now):
            return None
        self._hours.move_to_end((key, zone.key))
        return known

    def put(self, key: int, zone: ZoneInfo, known: KnownHours) -> None:
        self._hours[key, zone.key] = known
        self._hours.move_to_end((key, zone.key))
        while len(self._hours) > self._most:
            self._hours.popitem(last=False)


async def known_hours(
    conn: AsyncConnection,
    zones: Mapping[int, ZoneInfo],
    now: datetime,
    program: CompiledScorecard,
    cache: HoursCache | None = None,
) -> dict[int, KnownHours]:
    """The hours of customers by key, from what they did themselves lately. zones: whose clock holds
    for each; program: says which types are acts."""
    kept = HoursCache() if cache is None else cache
    unread = {key: zone for key, zone in zones.items() if kept.get(key, zone, now) is None}
    acts = await _acted(conn, list(unread), to_us(now), program) if unread else {}
    for key, zone in unread.items():
        instants = [from_us(us).astimezone(zone) for us in acts.get(key, ())]
        kept.put(key, zone, KnownHours(contact_windows.hours(instants), now, len(instants)))
    by_key = {key: kept.get(key, zone, now) for key, zone in zones.items()}
    return {key: known for key, known in by_key.items() if known is not None}


async def _acted(
    conn: AsyncConnection, keys: Sequence[int], now_us: int, program: CompiledScorecard
) -> Mapping[int, list[int]]:
    """When these customers acted themselves lately, by key."""
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
    view: View, row: int, zone_name: object, known: KnownHours, rules: ContactRules, now: datetime
) -> ContactPlan:
    """The windows and the cap of one row. zone_name: as the profile has it."""
    zone, hours = zone_of(zone_name), known.hours
    contacts = contact_windows.contacts_within(view, row, rules.cap_days)
    last_us = last_contact(view, row)
    own_now = now.astimezone(own_zone(zone_name, rules))
    return ContactPlan(
        timezone=rules.timezone if zone is None else zone.key,
        timezone_from="profile" if zone is not None else "default",
        windows=[
            HoursToCall(begin=f"{begin:02}:00", end=f"{end:02}:00") for begin, end in hours.windows
        ],
        windows_from="activity" if hours.known else "default",
        peak_hours=list(hours.peak),
        hours_as_of=known.as_of,
        next_window_at=contact_windows.next_window(hours.windows, own_now),
        contacts=contacts,
        contacts_in_days=rules.cap_days,
        cap=rules.cap,
        over_cap=contacts is not None and contacts >= rules.cap,
        last_contact_at=None if last_us is None else from_us(last_us),
    )


def own_zone(zone_name: object, rules: ContactRules) -> ZoneInfo:
    """Whose clock holds for a customer: its own, else the rules'."""
    return zone_of(zone_name) or zone_of(rules.timezone) or ZoneInfo("UTC")


def zone_of(name: object) -> ZoneInfo | None:
    """The time zone of a name, IANA's or that of Windows; None where it isn't one."""
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(iana(name) or name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
