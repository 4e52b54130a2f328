"""The rows that must exist before the first event: a scorecard, the live projection, and its
partitions."""

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


async def insert_scorecard(conn: AsyncConnection, version: int, name: str, document: str) -> None:
    """Record a published scorecard; a version that exists stays as it is."""
    await conn.execute(
        text(
            "insert into scorecards (version, name, document, published_at) values (:v, :n, :d,"
            " now()) on conflict do nothing"
        ),
        {"v": version, "n": name, "d": document},
    )


async def insert_first_projection(conn: AsyncConnection, scorecard_version: int) -> None:
    """Make projection 1 live, unless there are projections already."""
    await conn.execute(
        text(
            "insert into projections (id, scorecard_version, state) select 1, :v, 'live'"
            " where not exists (select from projections) on conflict do nothing"
        ),
        {"v": scorecard_version},
    )


async def grow_partitions(conn: AsyncConnection, count: int) -> None:
    """Give the log and every projection in use partitions 0 … count-1; never takes one away."""
    await conn.execute(
        text(
            "insert into log_heads (partition) select p from generate_series(0, :last) p"
            " order by p on conflict do nothing"
        ),
        {"last": count - 1},
    )
    await conn.execute(
        text(
            "insert into partitions (projection, partition) select j.id, h.partition from"
            " projections j cross join log_heads h where j.state <> 'retired' order by 1, 2 on"
            " conflict do nothing"
        )
    )
