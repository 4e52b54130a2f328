"""Compares the shadow's scores with the live projection's, and both with the outcomes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, text

from healthsvc.core.portfolio.entries import CANCELLED
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

MARK_DAYS: Final = 7
"""What both tell of each customer is kept so often."""
MOST_MATURED: Final = 500_000
SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionScore:
    """A customer's score, risk and band under one version."""

    score: float | None
    risk: float | None
    band: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePair:
    """A customer by the live version and by the shadow."""

    customer_key: int
    customer_id: str
    segment: str | None
    live: VersionScore
    shadow: VersionScore


_BOTH: Final = """
    from standings n join standings o on o.customer_key = n.customer_key
        and o.projection = (select id from projections where state = 'live')
    where n.projection = (select id from projections where state = 'building' and reason = 'shadow')
"""
_COLUMNS: Final = """
    n.customer_key, n.customer_id, o.segment, o.score as live_score, o.risk as live_risk,
        o.band as live_band,
    n.score as shadow_score, n.risk as shadow_risk, n.band as shadow_band
"""


async def page(
    conn: AsyncConnection, *, moved: bool, customer_id: str | None, place: Place
) -> list[ScorePair]:
    """Customers by both, newest first; moved: those alone whose band differs."""
    rows = await newest(
        conn,
        f"select * from (select {_COLUMNS} {_BOTH}) both_of",
        {"customer_key": "cast(:k as bigint)"},
        {
            "(live_band is distinct from shadow_band) = :v": True if moved else None,
            "customer_id = :v": customer_id,
        },
        place,
    )
    return [_score_pair(row) for row in rows]


async def furthest(conn: AsyncConnection) -> list[ScorePair]:
    """Customers whose score differs most."""
    rows = await conn.execute(
        text(f"""
            select {_COLUMNS} {_BOTH} and n.score is not null and o.score is not null
            order by abs(n.score - o.score) desc, n.customer_key limit {SHOWN}
        """)
    )
    return [_score_pair(row) for row in rows.mappings()]


async def moves(conn: AsyncConnection) -> list[tuple[str | None, str | None, str | None, int]]:
    """(segment, live band, shadow band, customers)."""
    rows = await conn.execute(
        text(
            f"select o.segment, o.band as live, n.band as shadow, count(*) as customers {_BOTH}"
            " group by 1, 2, 3"
        )
    )
    return [(r.segment, r.live, r.shadow, r.customers) for r in rows]


async def agreement(conn: AsyncConnection) -> float | None:
    """Spearman's correlation of the two risks; None with too little to correlate."""
    correlation: float | None = await conn.scalar(
        text(f"""
            select corr(a, b) from (
                select rank() over (order by o.risk) as a, rank() over (order by n.risk) as b
                {_BOTH} and n.risk is not null and o.risk is not null
            ) ranks
        """)
    )
    return correlation


async def mark(conn: AsyncConnection, shadow: int, live: int, now: datetime) -> None:
    """Record both versions' scores of each customer that hasn't churned, once in `MARK_DAYS`."""
    await conn.execute(
        text(f"""
            insert into shadow_marks (projection, marked_at, customer_key, live_risk, shadow_risk)
            select :shadow, :now, n.customer_key, o.risk, n.risk
            from standings n join standings o on o.customer_key = n.customer_key
                and o.projection = :live
            where n.projection = :shadow and n.risk is not null and o.risk is not null
                and not exists (
                select from shadow_marks
                where projection = :shadow
                    and marked_at > cast(:now as timestamptz) - interval '{MARK_DAYS} days'
            )
        """),
        {"shadow": shadow, "live": live, "now": now},
    )


@dataclass(frozen=True, slots=True)
class Matured:
    """A customer that both versions judged at a time, and whether it churned within the horizon."""

    marked_at: datetime
    customer_key: int
    live_risk: float
    shadow_risk: float
    churned: bool


async def matured(
    conn: AsyncConnection, shadow: int, horizon_days: float, now: datetime
) -> list[Matured]:
    """Marks whose horizon is over by what the ledger has read; leaving is a cancellation."""
    rows = await conn.execute(
        text(f"""
            select m.marked_at, m.customer_key, m.live_risk, m.shadow_risk, exists(
                select from ledger l where l.customer_key = m.customer_key and l.kind = {CANCELLED}
                and l.occurred_us > extract(epoch from m.marked_at) * 1000000
                and l.occurred_us <= extract(epoch
                    from m.marked_at + make_interval(secs => :horizon)) * 1000000
            ) as gone
            from shadow_marks m where m.projection = :shadow
              and m.marked_at + make_interval(secs => :horizon) <= cast(:now as timestamptz)
            order by m.marked_at, m.customer_key limit {MOST_MATURED}
        """),
        {"shadow": shadow, "horizon": horizon_days * 86_400, "now": now},
    )
    return [Matured(r.marked_at, r.customer_key, r.live_risk, r.shadow_risk, r.gone) for r in rows]


def _score_pair(row: RowMapping) -> ScorePair:
    def told(who: str) -> VersionScore:
        members: dict[str, Any] = {name: row[f"{who}_{name}"] for name in ("score", "risk", "band")}
        return VersionScore(**members)

    return ScorePair(
        customer_key=row["customer_key"],
        customer_id=row["customer_id"],
        segment=row["segment"],
        live=told("live"),
        shadow=told("shadow"),
    )
