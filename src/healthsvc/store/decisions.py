"""What the owner decided, written in its flush: standings, history, alerts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from healthsvc.store.engine import AsyncConnection, raw


class StandingRow(NamedTuple):
    """What lists sort and filter by; the columns of the table, in its order."""

    projection: int
    customer_key: int
    customer_id: str
    partition: int
    name: str | None
    owner: str | None
    segment: str | None
    tier: str | None
    stage: str
    band: str | None
    score: float | None
    risk: float | None
    flags: list[str]
    decided_at: datetime


class HistoryRow(NamedTuple):
    """A recorded decision; the columns of the table, in its order."""

    projection: int
    customer_key: int
    decided_at: datetime
    score: float | None
    risk: float | None
    band: str | None
    flags: list[str]
    cause: str
    scorecard_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    id: str
    customer_key: int
    customer_id: str
    kind: str
    severity: str
    summary: str
    detail: str
    onset_at: datetime
    raised_at: datetime
    unless_open: bool = False
    """Only if the customer has no alert of this kind that is open or acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedAlert:
    """An open alert whose condition ended."""

    id: str
    customer_key: int
    customer_id: str
    kind: str
    severity: str
    summary: str
    onset_at: datetime
    raised_at: datetime


_STANDINGS_TABLE = "create temporary table if not exists incoming_standings (like standings) on commit delete rows"
_STANDINGS_MERGE = text(f"""
    insert into standings ({", ".join(StandingRow._fields)}) select {", ".join(StandingRow._fields)} from
    incoming_standings
    on conflict (projection, customer_key) do update set
        {", ".join(f"{name} = excluded.{name}" for name in StandingRow._fields[2:])}
""")


async def write_standings(conn: AsyncConnection, rows: Sequence[StandingRow]) -> None:
    if rows:
        driver = await raw(conn)
        await driver.execute(_STANDINGS_TABLE)
        await driver.copy_records_to_table("incoming_standings", records=rows, columns=StandingRow._fields)
        await conn.execute(_STANDINGS_MERGE)


async def write_history(conn: AsyncConnection, rows: Sequence[HistoryRow]) -> None:
    if rows:
        driver = await raw(conn)
        await driver.copy_records_to_table("history", records=rows, columns=HistoryRow._fields)


async def raise_alerts(conn: AsyncConnection, rows: Sequence[AlertRow]) -> set[str]:
    """Open alerts; returns the ids of those that are new: the same cause raises one alert once."""
    if not rows:
        return set()
    fields = (
        "id",
        "customer_key",
        "customer_id",
        "kind",
        "severity",
        "summary",
        "detail",
        "onset_at",
        "raised_at",
        "unless_open",
    )
    types = ("text", "bigint", "text", "text", "text", "text", "text", "timestamptz", "timestamptz", "boolean")
    arrays = ", ".join(f"cast(:{name} as {kind}[])" for name, kind in zip(fields, types, strict=True))
    found = await conn.execute(
        text(f"""
            insert into alerts
                (id, customer_key, customer_id, kind, severity, state, summary, detail, onset_at, raised_at)
            select id, customer_key, customer_id, kind, severity, 'open', summary, detail::jsonb, onset_at, raised_at
            from unnest({arrays}) a({", ".join(fields)})
            where not (a.unless_open and exists (
                select from alerts o where o.customer_key = a.customer_key and o.kind = a.kind and o.state <> 'resolved'
            ))
            on conflict (id) do nothing returning id
        """),
        {name: [getattr(r, name) for r in rows] for name in fields},
    )
    return set(found.scalars())


async def resolve_alerts(conn: AsyncConnection, ended: Sequence[tuple[int, str, datetime]]) -> list[ResolvedAlert]:
    """Resolve the open alerts of (customer_key, kind) as of an instant; returns those there were."""
    if not ended:
        return []
    parameters: dict[str, Any] = {
        "keys": [e[0] for e in ended],
        "kinds": [e[1] for e in ended],
        "at": [e[2] for e in ended],
    }
    found = await conn.execute(
        text("""
            update alerts a set state = 'resolved', resolved_at = e.at, resolved_by = 'released', revision =
            a.revision + 1
            from unnest(cast(:keys as bigint[]), cast(:kinds as text[]), cast(:at as timestamptz[])) e(key, kind, at)
            where a.customer_key = e.key and a.kind = e.kind and a.state <> 'resolved'
            returning a.id, a.customer_key, a.customer_id, a.kind, a.severity, a.summary, a.onset_at, a.raised_at
        """),
        parameters,
    )
    return [ResolvedAlert(**row) for row in found.mappings()]
