"""The database of a million customers, each with a past of weeks, made once and kept in .bench/.

Some thousands of them are filled by the product itself, from Kafka; the others are copies of those
under names and keys of their own, since a million pasts through the pipeline would take longer than
all that is measured. It is made anew when the schema, the core or the load's generator changed, and
when it is older than MAX_AGE_SECONDS, for its customers would have fallen silent.
"""

import asyncio
import hashlib
import time
import zlib
from collections.abc import Callable, Iterator

import asyncpg

from benchmarks import ground, load, product
from benchmarks.ground import ROOT, Ground

CUSTOMERS = 1_000_000
ORIGINALS = 20_000
SEED = 7
PREFIX = "bench_million_"
MAX_AGE_SECONDS = 12 * 3600
LAST_OCCURRED_SECONDS_AGO = 3 * 3600  # before the two hours of the measured load

COPIES = """
    create temporary table copies as
    select c.key as key, c.customer_id, c.partition, o.key as original
    from named n join customers c using (customer_id) join customers o
        on o.customer_id = n.original;
    analyze copies;
    insert into states (projection, customer_key, partition, state, decision, profile)
        select s.projection, c.key, c.partition, s.state, s.decision, s.profile
        from copies c join states s on s.customer_key = c.original order by c.key;
    insert into standings (projection, customer_key, customer_id, partition, name, owner, segment,
        tier, stage, band,
            score, risk, flags, decided_at)
        select s.projection, c.key, c.customer_id, c.partition, s.name, s.owner, s.segment,
            s.tier, s.stage, s.band,
            s.score, s.risk, s.flags, s.decided_at
        from copies c join standings s on s.customer_key = c.original order by c.key;
    insert into timers (projection, customer_key, partition, due_at)
        select t.projection, c.key, c.partition, t.due_at
        from copies c join timers t on t.customer_key = c.original order by c.key;
    insert into history (projection, customer_key, decided_at, score, risk, band, flags, cause,
        scorecard_version)
        select h.projection, c.key, h.decided_at, h.score, h.risk, h.band, h.flags, h.cause,
            h.scorecard_version
        from copies c join history h on h.customer_key = c.original order by h.decided_at;
"""


def template(base: Ground, partitions: int, tell: Callable[[int], None]) -> str:
    """The template's name, its customers at home in so many partitions.

    `tell` is called with the number of customers that were made since it was last called.
    """
    start = f"{PREFIX}{_fingerprint()}_{partitions}_"
    for name in ground.databases(base.postgres, start):
        if time.time() - int(name.removeprefix(start)) < MAX_AGE_SECONDS:
            return name
    for name in ground.databases(base.postgres, PREFIX):
        ground.drop(base.postgres, name)
    return _make(base, f"{start}{int(time.time())}", partitions, tell)


def _make(base: Ground, name: str, partitions: int, tell: Callable[[int], None]) -> str:
    filling = "bench_filling"
    ground.create(base.postgres, filling, template=base.empty)
    end_us = time.time_ns() // 1_000 - LAST_OCCURRED_SECONDS_AGO * 1_000_000
    product.fill(
        base,
        base.postgres.url(filling),
        load.fill(customers=ORIGINALS, seed=SEED, end_us=end_us),
        partitions,
    )
    tell(ORIGINALS)
    asyncio.run(_multiply(base.postgres.url(filling), partitions))
    tell(CUSTOMERS - ORIGINALS)
    ground.forget_reading(base.postgres, filling)
    ground.rename(base.postgres, filling, name)
    return name


async def _multiply(database: str, partitions: int) -> None:
    conn = await asyncpg.connect(database)
    try:
        async with conn.transaction():
            await conn.execute(
                "create temporary table named (customer_id text, partition integer, original text)"
            )
            await conn.copy_records_to_table("named", records=_named(partitions))
            await conn.execute(
                "insert into customers (customer_id, partition) select customer_id, partition from"
                " named"
            )
            await conn.execute(COPIES, timeout=600)
        await conn.execute("vacuum analyze", timeout=600)
    finally:
        await conn.close()


def _named(partitions: int) -> Iterator[tuple[str, int, str]]:
    """Copies at home where librdkafka's default partitioner sends their events."""
    for number in range(ORIGINALS, CUSTOMERS):
        name = load.customer_id(number)
        yield name, zlib.crc32(name.encode()) % partitions, load.customer_id(number % ORIGINALS)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for folder in ("migrations/versions", "src/healthsvc/core", "benchmarks"):
        for path in sorted((ROOT / folder).glob("*")):
            if path.is_file() and (
                folder != "benchmarks" or path.name in ("load.py", "million.py")
            ):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
