"""Standings of the live projection: the list of customers, filtered and sorted by what it shows.

Rows without a value to sort by come last. They are read as a part of their own: each part is one
range of an index.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import RowMapping, text

from healthsvc.core.instants import to_us
from healthsvc.store.alerts.outages import concerning
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import INSTANT, Key, Place

COLUMNS = (
    "s.customer_key, s.customer_id, s.name, s.owner, s.segment, s.tier, s.stage, s.band, s.score,"
    " s.band_since, s.mrr, s.currency, s.renewal_at,"
    " s.risk, s.loyalty, s.icp_fit, s.parent_id, s.flags, s.decided_at, (select g.scope from"
    " guards g where g.ended_at is null and g.dismissed_at is null and"
    f" {concerning('s.customer_key', 's.segment')} order by g.scope = 'fleet' desc, g.since limit"
    " 1) as stale"
)
LIVE = "s.projection = (select id from projections where state = 'live')"
SortColumn = Literal[
    "risk", "score", "loyalty", "mrr", "renewal_at", "band_since", "name", "customer_id"
]


class SortOrder(NamedTuple):
    """What a list is sorted by, in the direction that is usual for it or in the other one."""

    column: SortColumn
    reversed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A way to sort: the column, its direction, and where it is read from."""

    column: str
    descending: bool = False
    nullable: bool = True
    source: str = "standings s"
    key: str = ":value"
    """What a cursor's key is as a value of the column."""


SORTS: Mapping[SortColumn, Sort] = {
    "risk": Sort(column="s.risk", descending=True),
    "score": Sort(column="s.score"),
    "loyalty": Sort(column="s.loyalty", descending=True),
    "mrr": Sort(column="s.mrr", descending=True),
    "renewal_at": Sort(column="s.renewal_at", key=INSTANT.replace(":k", ":value")),
    "band_since": Sort(column="s.band_since", descending=True, key=INSTANT.replace(":k", ":value")),
    "name": Sort(column="s.name"),
    # By way of customers, whose unique index has this order.
    "customer_id": Sort(
        column="c.customer_id",
        nullable=False,
        source="standings s join customers c on c.key = s.customer_key",
    ),
}


_PLAIN_NAME: Final = "regexp_replace(normalize(lower(s.name), NFKD), '[\u0300-\u036f]', '', 'g')"
_CONDITIONS: Final[Mapping[str, str]] = {
    "changed_outside": (
        "s.changed >= pg_snapshot_xmin(cast(cast(:changed_outside as text) as pg_snapshot)) and"
        " not pg_visible_in_snapshot(s.changed,"
        " cast(cast(:changed_outside as text) as pg_snapshot))"
    ),
    "customer_ids": (
        "s.customer_key in (select key from customers where customer_id = any(:customer_ids))"
    ),
    "search": f"({_PLAIN_NAME} like :search or lower(s.customer_id) like :search)",
    "bands": "s.band {one}",
    "flags": "cardinality(s.flags) > 0 and s.flags && cast(:flags as text[])",
    "owners": "s.owner {one}",
    "segments": "s.segment {one}",
    "tiers": "s.tier {one}",
    "stages": "s.stage {one}",
    "currencies": "s.currency {one}",
    "parent_id": "s.parent_id = :parent_id",
    "loyalty_min": "s.loyalty >= :loyalty_min",
    "icp_fit_min": "s.icp_fit >= :icp_fit_min",
    "score_min": "s.score >= :score_min",
    "score_below": "s.score < :score_below",
    "risk_min": "s.risk >= :risk_min",
    "risk_below": "s.risk < :risk_below",
    "mrr_from": "s.mrr >= :mrr_from",
    "mrr_below": "s.mrr < :mrr_below",
    "renewal_from": "s.renewal_at >= :renewal_from",
    "renewal_before": "s.renewal_at < :renewal_before",
    "band_since_from": "s.band_since >= :band_since_from",
    "band_since_before": "s.band_since < :band_since_before",
}
"""By the part of the filter, whose name the parameter has; {one}: one of the names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a customer stands, as last decided."""

    customer_key: int
    customer_id: str
    name: str | None
    owner: str | None
    segment: str | None
    tier: str | None
    stage: str
    band: str | None
    band_since: datetime | None
    score: float | None
    risk: float | None
    mrr: float | None
    currency: str | None
    renewal_at: datetime | None
    loyalty: float | None
    icp_fit: float | None
    parent_id: str | None
    flags: tuple[str, ...]
    decided_at: datetime
    stale: str | None
    """The scope that has fallen and concerns it; None: what is told of it is new."""

    def keys(self, column: SortColumn) -> tuple[Key, ...]:
        """What a cursor needs to go on behind this row."""
        value = getattr(self, column)
        return to_us(value) if isinstance(value, datetime) else value, self.customer_key


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFilter:
    """Which customers: those that meet everything that is set; of names, one of several."""

    changed_outside: str | None = None
    """Last written by a transaction whose changes this snapshot doesn't show."""
    customer_ids: tuple[str, ...] = ()
    search: str = ""
    """A part of the name or of the id, in any case and with or without accents."""
    bands: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    parent_id: str | None = None
    loyalty_min: float | None = None
    icp_fit_min: float | None = None
    score_min: float | None = None
    score_below: float | None = None
    risk_min: float | None = None
    risk_below: float | None = None
    mrr_from: float | None = None
    mrr_below: float | None = None
    renewal_from: datetime | None = None
    renewal_before: datetime | None = None
    band_since_from: datetime | None = None
    band_since_before: datetime | None = None


def plain(name: str) -> str:
    """A name as searches compare it: in lower case, without accents."""
    parts = unicodedata.normalize("NFKD", name.lower())
    return "".join(part for part in parts if not "\u0300" <= part <= "\u036f")


async def as_of(conn: AsyncConnection) -> datetime | None:
    """The instant up to which everything logged is counted; None until each partition was read
    once."""
    read_through = await conn.execute(
        text(
            "select case when count(*) = count(read_through_at) then min(read_through_at) end from"
            " partitions where projection = (select id from projections where state = 'live')"
        )
    )
    instant: datetime | None = read_through.scalar_one()
    return instant


async def page(
    conn: AsyncConnection, which: StandingFilter, order: SortOrder, place: Place
) -> list[Standing]:
    """One page, in the list's order whichever way it was read."""
    how = SORTS[order.column]
    if order.reversed:
        how = replace(how, descending=not how.descending)
    parts = ["valued", "null"] if how.nullable else ["valued"]
    if place.backwards:
        parts.reverse()
    if place.keys is not None and how.nullable:
        begins_in = "null" if place.keys[0] is None else "valued"
        parts = parts[parts.index(begins_in) :]
    rows: list[RowMapping] = []
    for part in parts:
        inside = place.keys if part == parts[0] else None
        rows += await _part(
            conn,
            which,
            how,
            Place(limit=place.limit - len(rows), keys=inside, backwards=place.backwards),
            part,
        )
        if len(rows) >= place.limit:
            break
    summaries = [_standing(row) for row in rows]
    return summaries[::-1] if place.backwards else summaries


async def _part(
    conn: AsyncConnection, which: StandingFilter, how: Sort, place: Place, part: str
) -> list[RowMapping]:
    """Rows with a value to sort by, or those without, in the order in which they are read."""
    conditions, values = _conditions(which)
    if part == "null":
        conditions.append(f"{how.column} is null")
    elif how.nullable:
        conditions.append(f"{how.column} is not null")
    if place.keys is not None:
        conditions.append(_next_to(how, part, backwards=place.backwards))
        values |= {"key": place.keys[1]} | ({"value": place.keys[0]} if part == "valued" else {})
    statement = text(
        f"select {COLUMNS} from {how.source} where {' and '.join(conditions)}"
        f" order by {_order(how, backwards=place.backwards)} limit :limit"
    )
    return list((await conn.execute(statement, values | {"limit": place.limit})).mappings().all())


def _next_to(how: Sort, part: str, *, backwards: bool) -> str:
    """The condition for the rows that follow the cursor's in the direction of reading."""
    tie = f"s.customer_key {'<' if backwards else '>'} :key"
    if part == "null":
        return tie
    beyond = "<" if how.descending != backwards else ">"
    return f"{how.column} {beyond}= {how.key} and ({how.column} {beyond} {how.key} or {tie})"


def _order(how: Sort, *, backwards: bool) -> str:
    value = (
        f"{how.column} {'desc' if how.descending != backwards else 'asc'} nulls"
        f" {'first' if backwards else 'last'}"
    )
    return f"{value}, s.customer_key {'desc' if backwards else 'asc'}"


def _conditions(which: StandingFilter) -> tuple[list[str], dict[str, object]]:
    asked = {name: getattr(which, name) for name in _CONDITIONS}
    asked["search"] = _pattern(which.search) if which.search else None
    conditions, values = [LIVE], dict[str, object]()
    for name, value in asked.items():
        if value is None or value == ():
            continue
        # one name by "=": the rows then come in the order of the index
        is_one = isinstance(value, tuple) and len(value) == 1 and "{one}" in _CONDITIONS[name]
        mark = f"= :{name}" if is_one else f"= any(:{name})"
        conditions.append(_CONDITIONS[name].replace("{one}", mark))
        values[name] = _value(value, is_one=is_one)
    return conditions, values


def _value(value: object, *, is_one: bool) -> object:
    """A parameter of the driver's."""
    if isinstance(value, tuple):
        return value[0] if is_one else list(value)
    return value


def _pattern(search: str) -> str:
    """For `like`: names that have the text in them."""
    escaped = re.sub(r"[\\%_]", lambda mark: "\\" + mark[0], plain(search))
    return f"%{escaped}%"


def _standing(row: RowMapping) -> Standing:
    return Standing(**{**row, "flags": tuple(row["flags"])})
