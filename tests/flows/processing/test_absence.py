"""Absence is told only when everything has been read, wherever it was logged."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from zlib import crc32

from sqlalchemy import text

from healthsvc.flows.processing.ports import InputReading
from tests.flows.spine import append, applied, installed, processing, scalar
from tests.support.clock import Clock
from tests.support.makers import make_event
from tests.support.waiting import until


class QuietKafka:
    """An input without records that is always read up to now."""

    name: Literal["kafka"] = "kafka"

    def __init__(self, now: Clock) -> None:
        self._now, self._assigned = now, set[int]()

    async def partitions(self) -> Sequence[int]:
        return [0, 1]

    async def assign(self, offsets: Mapping[int, int]) -> None:
        self._assigned = set(offsets)

    async def read(self, max_records: int, timeout_seconds: float) -> InputReading:
        await asyncio.sleep(0.02)
        return InputReading(
            chunks=[], read_through=dict.fromkeys(self._assigned, self._now()), drained=True
        )

    def hint(self, offsets: Mapping[int, int]) -> None: ...

    async def close(self) -> None: ...


async def test_nobody_is_silent_while_a_partition_of_another_worker_is_not_read_so_far(
    engine, database_url
):
    appender = await installed(engine, 2)
    clock = Clock(datetime.now(UTC))
    customer = next(
        c for c in (f"c{n}" for n in range(99)) if crc32(c.encode()) % 2 == 0
    )  # lives in partition 0
    events = [
        make_event("feature.used", customer_id=customer, occurred_at=clock().isoformat())
        for _ in range(5)
    ]
    async with engine.begin() as conn:
        await conn.execute(
            text("insert into workers values ('1/other', now() + interval '1 hour')")
        )
        await conn.execute(
            text(
                "update partitions set owner = '1/other', lease_until = now() + interval '1 hour',"
                " read_through_at = :at where partition = 1"
            ),
            {"at": clock()},
        )

    async def counted() -> bool:
        return await applied(engine) >= 5

    async def alerted() -> bool:
        return await scalar(engine, "select count(*) from alerts where kind = 'silent'") == 1

    async with processing(engine, database_url, clock, inputs=[QuietKafka(clock)]):
        await append(appender, events)
        await until(counted)
        clock.advance(days=15)
        await asyncio.sleep(3)
        assert not await alerted()

        async with engine.begin() as conn:
            await conn.execute(
                text("update partitions set read_through_at = :at where partition = 1"),
                {"at": clock()},
            )
        await until(alerted)

    onset = await scalar(engine, "select onset_at from alerts where kind = 'silent'")
    assert abs(onset - (clock() - timedelta(days=1))) < timedelta(seconds=5)
