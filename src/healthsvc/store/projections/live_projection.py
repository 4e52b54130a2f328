"""Projections: which way of folding the log is live, and under which scorecard."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.core.errors import NotInstalled
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    id: int
    scorecard_version: int
    document: str
    """The scorecard's YAML as it is scored by, with its frozen reference; empty: the default
    one."""
    live_at: datetime | None = None
    """Since when it is live; None: since the beginning."""


class NoLiveProjection(NotInstalled, LookupError):
    """The database has no live projection: run `healthsvc migrate` first."""


async def live(conn: AsyncConnection) -> Projection:
    """The projection that is served. Raises NoLiveProjection."""
    row = (
        await conn.execute(
            text("""
                select p.id, p.scorecard_version, coalesce(s.frozen, s.document) as document,
                    p.live_at
                from projections p
                join scorecards s on s.version = p.scorecard_version where p.state = 'live'
            """)
        )
    ).first()
    if row is None:
        raise NoLiveProjection
    return Projection(
        id=row.id,
        scorecard_version=row.scorecard_version,
        document=row.document,
        live_at=row.live_at,
    )
