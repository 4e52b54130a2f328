"""Readers of the feed while writers commit out of order, roll back and die: every change once, in
its customer's order, and nothing behind a cursor."""

import asyncio
import random
from collections import defaultdict
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from healthsvc.api.change_feed import ChangeFeed
from healthsvc.core.changes.filter import NO_FILTER
from healthsvc.flows.changes.record import announce, append
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.listen import Listener
from tests.api.rows import add_customer, add_subscriber, flag_change

WRITERS, READERS, COMMITS = 6, 4, 25
PARTITIONS = 3


class _Abandoned(Exception):
    """A writer that dies before it commits."""


async def write(engine: AsyncEngine, keys: dict[str, int], seed: int) -> dict[str, int]:
    """Commits of some customers each, held open for a while; answers how many of each."""
    rng, written = random.Random(seed), defaultdict[str, int](int)
    for _ in range(COMMITS):
        names = rng.sample(sorted(keys), rng.randint(1, 3))
        changes = [
            flag_change(keys[name], name, partition=keys[name] % PARTITIONS) for name in names
        ]
        try:
            async with engine.begin() as conn:
                numbered = await announce(conn, changes)
                await asyncio.sleep(rng.uniform(0, 0.01))
                await append(conn, numbered)
                await asyncio.sleep(rng.uniform(0, 0.01))
                if rng.random() < 0.2:
                    raise _Abandoned
        except _Abandoned:
            continue
        for name in names:
            written[name] += 1
    return written


async def poll(feed: ChangeFeed, done: asyncio.Event, seed: int) -> list[dict[str, Any]]:
    """What a reader gets that begins anew from its last cursor after pauses."""
    rng, place, items = random.Random(seed), None, []
    while True:
        ended = done.is_set()
        page = await feed.next_page(place, NO_FILTER, rng.randint(1, 9), rng.choice([0, 0.05]))
        items += [msgspec.json.decode(change.item) for change in page.changes]
        place = page.place
        if ended and not page.changes and not page.has_more:
            return items
        await asyncio.sleep(rng.choice([0, 0, 0.03]))


async def test_each_reader_sees_every_change_once_and_in_its_customers_order(
    engine: AsyncEngine, database_url: str
) -> None:
    await add_subscriber(engine)
    keys = {f"c{n}": await add_customer(engine, f"c{n}") for n in range(8)}
    done = asyncio.Event()
    async with Listener(database_url) as listener:
        feed = ChangeFeed(engine, draining=lambda: False, listener=listener)
        readers = [asyncio.create_task(poll(feed, done, seed)) for seed in range(READERS)]
        written = await asyncio.gather(*[write(engine, keys, seed) for seed in range(WRITERS)])
        done.set()
        read = await asyncio.gather(*readers)

    expected = {name: sum(each[name] for each in written) for name in keys}
    async with engine.connect() as conn:
        sent = {row.id for row in await conn.execute(text("select id from messages"))}
    for items in read:
        for name, count in expected.items():
            numbers = [item["sequence"] for item in items if item["customer_id"] == name]
            assert numbers == list(range(1, count + 1))
        assert {item["id"] for item in items} == sent
        assert len(items) == len(sent)


@pytest.mark.parametrize("seed", range(2))
async def test_what_was_behind_a_cursor_never_grows(engine: AsyncEngine, seed: int) -> None:
    """Each page is read again from the start when all is written: the cursors stand where they
    stood."""
    keys = {f"c{n}": await add_customer(engine, f"c{n}") for n in range(4)}
    feed = ChangeFeed(engine, draining=lambda: False)
    writing = asyncio.gather(*[write(engine, keys, seed * 10 + n) for n in range(4)])
    places, counts, place, count = [], [], None, 0
    while not writing.done():
        page = await feed.page(place, NO_FILTER, 5)
        place, count = page.place, count + len(page.changes)
        places.append(dict(place))
        counts.append(count)
        await asyncio.sleep(0.005)
    await writing

    async with engine.connect() as conn:
        for place, count in zip(places, counts, strict=True):
            before = 0
            for partition, position in place.items():
                counted = await conn.execute(
                    text(
                        "select count(*) from changes"
                        " where partition = :partition and position < :position"
                    ),
                    {"partition": partition, "position": position},
                )
                before += int(counted.scalar_one())
            assert before == count
