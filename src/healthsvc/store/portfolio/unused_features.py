"""Reads which customers own features that they never used, or no longer use, from the ledger."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping, text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place

_SELECT: Final = """
    select c.customer_id, s.name, s.owner, s.segment, s.tier, s.stage, s.band, o.occurred_us,
        cardinality(o.names) as owned, use.never_used, use.idle
    from customers c
    join ledger_features_owned o on o.customer_key = c.key
    join standings s on s.customer_key = c.key
        and s.projection = (select id from projections where state = 'live')
    cross join lateral (
        select
            array(select unnest(array_agg(n.name) filter (where u.last_us is null)) order by 1)
                as never_used,
            array(select unnest(array_agg(n.name) filter (where u.last_us < :idle_before))
                order by 1) as idle
        from unnest(o.names) as n (name)
        left join (
            select function, max(last_us) as last_us from ledger_functions
            where customer_key = c.key group by function
        ) u on u.function = hashtextextended(n.name, 0)
    ) use
"""
_CONDITIONS: Final = {
    "owner": "s.owner = :owner",
    "segment": "s.segment = :segment",
    "tier": "s.tier = :tier",
    "feature": "o.names @> array[cast(:feature as text)]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedFilter:
    """Which customers; None: whichever. feature: who owns it and doesn't use it."""

    owner: str | None = None
    segment: str | None = None
    tier: str | None = None
    feature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedFeatures:
    """A customer that doesn't use all that it pays for."""

    customer_id: str
    name: str | None
    owner: str | None
    segment: str | None
    tier: str | None
    stage: str
    band: str | None
    told_us: int
    """When its profile last said what it owns."""
    owned: int
    never_used: list[str]
    idle: list[str]
    """Used, and not lately."""


async def page(
    conn: AsyncConnection, which: UnusedFilter, idle_before_us: int, place: Place, *, idle: bool
) -> list[UnusedFeatures]:
    """One page by customer id, in the list's order whichever way it was read. idle: features that
    were used, and not since the instant, count as unused, too."""
    names = ("owner", "segment", "tier", "feature")
    values = {name: getattr(which, name) for name in names if getattr(which, name) is not None}
    unused = "(use.never_used || use.idle)" if idle else "use.never_used"
    conditions = [
        "s.stage <> 'churned'",
        f"cardinality({unused}) > 0",
        *(_CONDITIONS[name] for name in values),
    ]
    if which.feature is not None:
        conditions.append(f"cast(:feature as text) = any({unused})")
    if place.keys is not None:
        conditions.append(f"c.customer_id {'<' if place.backwards else '>'} :after")
        values["after"] = place.keys[0]
    statement = text(
        f"{_SELECT} where {' and '.join(conditions)}"
        f" order by c.customer_id {'desc' if place.backwards else 'asc'} limit :limit"
    )
    found = await conn.execute(
        statement, {**values, "idle_before": idle_before_us, "limit": place.limit}
    )
    rows = [_customer(row) for row in found.mappings()]
    return rows[::-1] if place.backwards else rows


def _customer(row: RowMapping) -> UnusedFeatures:
    told_us = {"told_us": row["occurred_us"]}
    return UnusedFeatures(**{k: v for k, v in row.items() if k != "occurred_us"}, **told_us)
