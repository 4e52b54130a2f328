"""Heartbeats of the workers of the processing role: who is alive."""

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


async def heartbeat(conn: AsyncConnection, worker: str, lease_seconds: float) -> None:
    """Say that this worker lives, for a lease's time."""
    await conn.execute(
        text("""
            insert into workers (id, seen_until) values (:id,
                clock_timestamp() + make_interval(secs => :lease))
            on conflict (id) do update set seen_until = excluded.seen_until
        """),
        {"id": worker, "lease": lease_seconds},
    )


async def live_workers(conn: AsyncConnection, prefix: str) -> list[str]:
    """Return the workers that live, of those whose id begins with `prefix`."""
    rows = await conn.execute(
        text(
            "select id from workers where seen_until > clock_timestamp() and starts_with(id,"
            " :prefix) order by id"
        ),
        {"prefix": prefix},
    )
    return list(rows.scalars())


async def forget_worker(conn: AsyncConnection, worker: str) -> None:
    await conn.execute(text("delete from workers where id = :id"), {"id": worker})


async def forget_dead_workers(conn: AsyncConnection) -> None:
    """Drop workers that ended without a word an hour ago."""
    await conn.execute(
        text("""
            delete from workers where id in (
                select id from workers where seen_until < clock_timestamp() - interval '1 hour'
                    for update skip locked
            )
        """)
    )
