"""Standings of the live projection: the list of customers, sorted by risk, loyalty, name or id.

Rows without a value to sort by come last. They are read as a part of their own: each part is one
range of an index.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import RowMapping, text

from healthsvc.store.alerts.outages import concerning
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Key, Place

COLUMNS = (
    "s.customer_key, s.customer_id, s.name, s.owner, s.segment, s.tier, s.stage, s.band, s.score,"
    " s.risk, s.loyalty, s.icp_fit, s.parent_id, s.flags, s.decided_at, (select g.scope from"
    " guards g where g.ended_at is null and g.dismissed_at is null and"
    f" {concerning('s.customer_key', 's.segment')} order by g.scope = 'fleet' desc, g.since limit"
    " 1) as stale"
)
LIVE = "s.projection = (select id from projections where state = 'live')"
SortName = Literal["risk", "loyalty", "name", "customer_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A way to sort: the column, its direction, and where it is read from."""

    column: str
    descending: bool = False
    nullable: bool = True
    source: str = "standings s"


SORTS: Mapping[SortName, Sort] = {
    "risk": Sort(column="s.risk", descending=True),
    "loyalty": Sort(column="s.loyalty", descending=True),
    "name": Sort(column="s.name"),
    # By way of customers, whose unique index has this order.
    "customer_id": Sort(
        column="c.customer_id",
        nullable=False,
        source="standings s join customers c on c.key = s.customer_key",
    ),
}


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
    score: float | None
    risk: float | None
    loyalty: float | None
    icp_fit: float | None
    parent_id: str | None
    flags: tuple[str, ...]
    decided_at: datetime
    stale: str | None
    """The scope that has fallen and concerns it; None: what is told of it is new."""

    def keys(self, sort: SortName) -> tuple[Key, ...]:
        """What a cursor needs to go on behind this row."""
        value: Key = getattr(self, sort)
        return value, self.customer_key


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFilter:
    """Which customers; None: whichever."""

    band: str | None = None
    flag: str | None = None
    owner: str | None = None
    segment: str | None = None
    tier: str | None = None
    parent_id: str | None = None
    loyalty_min: float | None = None
    icp_fit_min: float | None = None


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
    conn: AsyncConnection, which: StandingFilter, sort: SortName, place: Place
) -> list[Standing]:
    """One page, in the list's order whichever way it was read."""
    how = SORTS[sort]
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
    return f"{how.column} {beyond}= :value and ({how.column} {beyond} :value or {tie})"


def _order(how: Sort, *, backwards: bool) -> str:
    value = (
        f"{how.column} {'desc' if how.descending != backwards else 'asc'} nulls"
        f" {'first' if backwards else 'last'}"
    )
    return f"{value}, s.customer_key {'desc' if backwards else 'asc'}"


def _conditions(which: StandingFilter) -> tuple[list[str], dict[str, object]]:
    filters = {
        "s.band = :band": which.band,
        "cardinality(s.flags) > 0 and s.flags @> array[cast(:flag as text)]": which.flag,
        "s.owner = :owner": which.owner,
        "s.segment = :segment": which.segment,
        "s.tier = :tier": which.tier,
        "s.parent_id = :parent_id": which.parent_id,
        "s.loyalty >= :loyalty_min": which.loyalty_min,
        "s.icp_fit >= :icp_fit_min": which.icp_fit_min,
    }
    conditions = {condition: value for condition, value in filters.items() if value is not None}
    values: dict[str, object] = {
        condition.partition(":")[2].partition(" ")[0]: value
        for condition, value in conditions.items()
    }
    return [LIVE, *conditions], values


def _standing(row: RowMapping) -> Standing:
    return Standing(**{**row, "flags": tuple(row["flags"])})
