"""The archive keeps the days it is told to keep, and the events of no other."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from healthsvc.flows.admin.retention import drop_old_days, trim_log
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import archive

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
INSERT = "insert into archive values (:day, 1, 0, 0, 0, '{}')"


async def test_days_past_their_time_are_dropped_and_the_others_kept(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await archive.ensure_days(conn, date(2026, 3, 1), 10)
        for number in range(10):
            await conn.execute(text(INSERT), {"day": date(2026, 3, 1) + timedelta(days=number)})

    assert len(await drop_old_days(engine, 3, NOW)) == 6

    async with engine.connect() as conn:
        kept = await conn.execute(text("select logged_on from archive order by 1"))
        assert [row[0].day for row in kept] == [7, 8, 9, 10]


async def test_dropping_again_drops_nothing(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await archive.ensure_days(conn, date(2026, 3, 1), 2)
    await drop_old_days(engine, 3, NOW)
    assert await drop_old_days(engine, 3, NOW) == []


async def test_the_log_keeps_what_is_young_or_not_folded_yet(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 1)
        await conn.execute(
            text(
                "insert into log_entries (partition, position, logged_at, event) select 0, n, now()"
                " - case when n < 6 then interval '9 days' else interval '1 hour' end, '{}' from"
                " generate_series(0, 9) n"
            )
        )
        await conn.execute(text("update partitions set table_offset = 4"))

    assert await trim_log(engine, timedelta(days=7)) == 4

    async with engine.connect() as conn:
        kept = await conn.execute(text("select position from log_entries order by 1"))
        assert list(kept.scalars()) == [4, 5, 6, 7, 8, 9]
