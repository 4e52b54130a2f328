"""Scorecard versions: immutable documents, numbered; a draft is one that never was live."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version; `state` is draft, building, shadow, live or retired."""

    version: int
    name: str
    state: str
    created_at: datetime
    created_by: str
    published_at: datetime | None
    override_reason: str | None
    """Why it was published although the ship gate said no."""
    document: str
    """The YAML as it was given; empty: the default one."""
    frozen: str | None = None
    """The YAML as it is scored by, where a reference was frozen with it at publishing."""


_SELECT = """
    select s.version, s.name, s.created_at, s.created_by, s.published_at, s.override_reason,
        s.document, s.frozen,
           coalesce((select case when p.state = 'building' and p.reason = 'shadow' then 'shadow'
               else p.state end
                     from projections p where p.scorecard_version = s.version
                         and p.state <> 'retired'
                     order by p.state = 'live' desc limit 1),
                    case when s.published_at is null then 'draft' else 'retired' end) as state
    from scorecards s
"""


async def page(conn: AsyncConnection, place: Place) -> list[Version]:
    """Versions, the newest first."""
    return [
        Version(**row)
        for row in await newest(conn, _SELECT, {"s.version": "cast(:k as bigint)"}, {}, place)
    ]


async def get(conn: AsyncConnection, version: int) -> Version | None:
    row = (
        (await conn.execute(text(f"{_SELECT} where s.version = :version"), {"version": version}))
        .mappings()
        .first()
    )
    return None if row is None else Version(**row)


async def same(conn: AsyncConnection, document: str) -> int | None:
    """The newest version that has this very document."""
    version: int | None = await conn.scalar(
        text("select max(version) from scorecards where document = :document"),
        {"document": document},
    )
    return version


async def freeze(conn: AsyncConnection, version: int, frozen: str) -> str:
    """Keep what the version is scored by from now on; answers what is kept: the first one stays."""
    frozen_document: str = (
        await conn.execute(
            text(
                "update scorecards set frozen = coalesce(frozen, :frozen) where version = :version"
                " returning frozen"
            ),
            {"version": version, "frozen": frozen},
        )
    ).scalar_one()
    return frozen_document


async def override(conn: AsyncConnection, version: int, reason: str) -> None:
    """Keep why a version is published against the ship gate."""
    await conn.execute(
        text("update scorecards set override_reason = :reason where version = :version"),
        {"version": version, "reason": reason},
    )


async def add(conn: AsyncConnection, *, name: str, document: str, by: str, now: datetime) -> int:
    """Keep a document as the next version, a draft; answers its number."""
    await conn.execute(text("select pg_advisory_xact_lock(hashtext('healthsvc_scorecards'))"))
    added: int = (
        await conn.execute(
            text("""
                insert into scorecards (version, name, document, created_by, created_at)
                select coalesce(max(version), 0) + 1, :name, :document, :by, :now from scorecards
                    returning version
            """),
            {"name": name, "document": document, "by": by, "now": now},
        )
    ).scalar_one()
    return added
