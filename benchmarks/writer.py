"""`python -m benchmarks.writer DATABASE EVENTS_PER_SECOND`: appends events about 10,000 customers
to the log at an even pace, until it is stopped."""

import asyncio
import sys
import time

from benchmarks.http_rates import events
from healthsvc.flows.intake.append import Appender
from healthsvc.store.database import installation
from healthsvc.store.database.engine import create_engine

EACH_SECONDS = 0.1


async def write(database: str, per_second: int) -> None:
    """Write for ever; what is late is made up for."""
    engine = create_engine(database, pool_size=1, application="bench-writer")
    async with engine.begin() as conn:
        partitions = (await installation.read(conn)).partitions
    appender = Appender(engine, partitions)
    each = int(per_second * EACH_SECONDS)
    begun, written = time.monotonic(), 0
    pool = events(per_second)
    while True:
        if written % per_second == 0:
            pool = await asyncio.to_thread(events, per_second)
        at = written % per_second
        await appender.append(pool[at : at + each])
        written += each
        await asyncio.sleep(max(0.0, begun + written / per_second - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2])))
