"""A row of the table log that PostgreSQL can't hand over, or that can't be decoded, is set aside
and passed."""

import json
from collections.abc import Sequence

import pytest

from healthsvc.flows.processing.ports import Chunk
from healthsvc.flows.projections import bootstrap
from healthsvc.log.table import TableInput
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.listen import Listener
from healthsvc.store.intake import log
from tests.flows.readiness.limited import limited, run
from tests.flows.spine import append, applied, installed, processing, rows, wall
from tests.support.makers import make_event
from tests.support.waiting import until

EVENTS = 200


def failing_at(condition: str, sqlstate: str) -> Sequence[str]:
    """The table becomes a view whose event can't be read where the condition holds."""
    return (
        "alter table log_entries rename to stored_entries",
        (
            "create function hand_over(partition integer, place bigint, event text) returns text"
            f" language plpgsql stable as $$ begin if {condition} then raise exception 'damaged'"
            f" using errcode = '{sqlstate}'; end if; return event; end $$"
        ),
        (
            "create view log_entries as select partition, position, logged_at,"
            " hand_over(partition, position, event) as event from stored_entries"
        ),
    )


NOT_UTF8 = (
    "create cast (bytea as text) without function",
    r"update log_entries set event = cast('\xff7b7dfe'::bytea as text) where position = 60",
    "drop cast (bytea as text)",
)


@pytest.mark.parametrize(
    ("faults", "raw"),
    [
        pytest.param(failing_at("place = 60", "XX001"), b"", id="damaged"),
        pytest.param(failing_at("place = 60", "54000"), b"", id="too large"),
        pytest.param(NOT_UTF8, b"\xff{}\xfe", id="not UTF-8"),
    ],
)
async def test_a_row_that_cannot_be_read_is_a_dead_letter_and_all_others_count(
    engine: AsyncEngine, database_url: str, faults: Sequence[str], raw: bytes
) -> None:
    appender = await installed(engine, 1)
    await append(appender, [make_event(id=f"e{n}", customer_id=f"c{n % 7}") for n in range(EVENTS)])
    await run(engine, *faults)

    async def others_counted() -> bool:
        return await applied(engine) >= EVENTS - 1

    async with processing(engine, database_url, wall) as task:
        await until(others_counted)
        assert not task.done()

    assert await applied(engine) == EVENTS - 1
    (letter,) = await rows(engine, "select origin, position, reason, raw, errors from dead_letters")
    assert (letter.origin, letter.position, letter.reason) == ("table", 60, "unreadable")
    assert bytes(letter.raw) == raw
    assert "records 60 to 60 can't be read" in json.dumps(letter.errors)
    (alert,) = await rows(engine, "select kind, scope from alerts where scope is not null")
    assert tuple(alert) == ("records_unreadable", "table[0]")


async def read_all(source: TableInput, upto: int, at_most: int = 5_000) -> list[Chunk]:
    """What partition 0 gives, up to so many positions."""
    chunks: list[Chunk] = []
    while not chunks or chunks[-1].next < upto:
        chunks += [
            chunk for chunk in (await source.read(at_most, 1)).chunks if chunk.partition == 0
        ]
    return chunks


async def fill(engine: AsyncEngine, partitions: int, *entries: tuple[int, str]) -> None:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, partitions)
    async with engine.begin() as conn:
        await log.append(conn, entries)


async def test_rows_at_fault_side_by_side_and_at_both_ends_are_each_passed(
    engine: AsyncEngine, database_url: str
) -> None:
    await fill(engine, 1, *((0, str(n)) for n in range(100)))
    await run(engine, *failing_at("place in (0, 41, 42, 99)", "XX001"))
    async with Listener(database_url) as listener:
        source = TableInput(engine, listener)
        await source.assign({0: 0})
        chunks = await read_all(source, 100)
        await source.close()

    assert [lost.first for chunk in chunks for lost in chunk.unreadable] == [0, 41, 42, 99]
    values = [value for chunk in chunks for value in chunk.values]
    assert values == [str(n).encode() for n in range(100) if n not in (0, 41, 42, 99)]


async def test_a_page_that_is_too_large_to_be_handed_over_is_read_in_smaller_ones(
    engine: AsyncEngine, database_url: str
) -> None:
    """1.2 GB are more than PostgreSQL has room for in one array."""
    await fill(engine, 1)
    await run(
        engine,
        "insert into log_entries (partition, position, logged_at, event)"
        " select 0, n, now(), repeat('x', 600000) from generate_series(0, 1999) n",
        "update log_heads set head = 2000 where partition = 0",
    )
    async with Listener(database_url) as listener:
        source = TableInput(engine, listener)
        await source.assign({0: 0})
        count = 0
        while count < 2_000:
            reading = await source.read(20_000, 1)
            count += sum(map(len, reading.chunks))
            assert not any(chunk.unreadable for chunk in reading.chunks)
        await source.close()


async def test_a_table_that_may_not_be_read_at_all_costs_no_row(
    engine: AsyncEngine, database_url: str
) -> None:
    await fill(engine, 1, *((0, str(n)) for n in range(10)))
    async with limited(engine, database_url) as (worker, role), Listener(database_url) as listener:
        source = TableInput(worker, listener)
        await source.assign({0: 0})
        await run(engine, f"revoke select on log_entries from {role}")
        for _ in range(3):
            assert (await source.read(100, 0)).chunks == []

        await run(engine, f"grant select on log_entries to {role}")

        (chunk,) = await read_all(source, 10)
        assert (len(chunk), chunk.unreadable) == (10, ())
        await source.close()


async def test_another_partition_is_read_on_while_one_has_a_row_at_fault(
    engine: AsyncEngine, database_url: str
) -> None:
    await fill(engine, 2, (0, "bad"), (1, "good"), (1, "better"))
    await run(engine, *failing_at("partition = 0", "XX001"))
    async with Listener(database_url) as listener:
        source = TableInput(engine, listener)
        await source.assign({0: 0, 1: 0})
        chunks = {chunk.partition: chunk for chunk in (await source.read(100, 1)).chunks}
        await source.close()

    assert chunks[1].values == [b"good", b"better"]
    assert [lost.first for lost in chunks[0].unreadable] == [0]
    assert chunks[0].unreadable[0].detail == "DataCorruptedError: damaged"
