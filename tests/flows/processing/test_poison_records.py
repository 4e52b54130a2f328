"""A record at which processing fails twice running is quarantined, in whatever phase; other
failures cost no record."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from healthsvc.flows.processing import flush as flushing
from healthsvc.flows.processing import owner as owning
from healthsvc.flows.processing.faults.poison_records import PoisonSearch, pieces
from healthsvc.flows.processing.flush_builder import FlushBuilder
from healthsvc.flows.processing.owner import Owner
from healthsvc.flows.processing.ports import Chunk, Unreadable
from healthsvc.store.processing import archive
from tests.flows.spine import append, applied, installed, processing, reaches, rows, scalar, wall
from tests.support.makers import make_event
from tests.support.waiting import until


def chunk(first: int, count: int, **changes: Any) -> Chunk:
    fields: dict[str, Any] = {
        "partition": 0,
        "values": [b"x"] * count,
        "headers": None,
        "first": first,
        "next": first + count,
        "positions": None,
        "logged_us": np.zeros(count, np.int64),
    }
    return Chunk(**(fields | changes))


def search_for(bad: int | None, count: int, strikes: int = 0) -> tuple[list[int], int]:
    """Searches `count` records that failed together: positions quarantined, and the number of
    failures on the way."""
    search, quarantined, failures, at = PoisonSearch(), [], 0, 0
    search.begin({("kafka", 0): count}, count)
    while search.active:
        piece = next(iter(pieces([chunk(at, count - at)], search.limit)))
        search.trying("kafka", piece)
        breaks = bad is not None and piece.first <= bad < piece.next and bad not in quarantined
        if breaks or strikes:
            failures, strikes = failures + 1, max(0, strikes - 1)
            poison = search.failed(TypeError("a fault"))
            if poison is not None:
                quarantined.append(poison.position)
                at = poison.next
                search.keep({("kafka", 0): at})
        else:
            search.passed()
            at = piece.next
    return quarantined, failures


@pytest.mark.parametrize("bad", [0, 1, 77, 99_998, 99_999])
def test_one_record_of_a_hundred_thousand_is_isolated_in_a_few_tries(bad: int) -> None:
    quarantined, failures = search_for(bad, 100_000)
    assert quarantined == [bad]
    assert failures < 12


@pytest.mark.parametrize("count", [1, 5, 1000])
def test_failures_that_come_once_each_cost_no_record(count: int) -> None:
    assert search_for(None, count, strikes=1)[0] == []


def test_pieces_keep_records_and_gaps_in_order() -> None:
    lost = [Unreadable(first=at, last=at, raw=b"", raw_bytes=0, detail="") for at in (10, 12, 14)]
    whole = chunk(10, 2, positions=[11, 13], next=15, unreadable=lost)
    some = list(pieces([whole], 100))
    assert [[u.first for u in piece.unreadable] for piece in some] == [[10], [12], [14]]
    assert [[piece.position(i) for i in range(len(piece))] for piece in some] == [[11], [13], []]
    assert [piece.next for piece in some] == [12, 14, 15]


async def count_all_but_the_bad(engine: Any, url: str, column: str = "unfoldable") -> None:
    """Sixty events among which one is called bad: the others are counted, the bad one is a dead
    letter."""
    appender = await installed(engine, 1)
    events = [make_event("seats.changed", id=f"e{i}", customer_id=f"c{i % 7}") for i in range(60)]
    events.insert(30, make_event("seats.changed", id="bad", customer_id="bad"))

    async def all_counted() -> bool:
        return await applied(engine) >= 60

    async with processing(engine, url, wall) as task:
        await append(appender, events)
        await until(all_counted)
        assert not task.done()
    (letter,) = await rows(
        engine, "select reason, position, convert_from(raw, 'utf8') raw, errors from dead_letters"
    )
    assert (letter.reason, letter.position) == (column, 30)
    assert '"bad"' in letter.raw
    assert await scalar(engine, "select sum(applied) from partitions") == 60
    assert await scalar(engine, "select count(*) from archive") == 60
    (alert,) = await alerts(engine)
    assert (alert.kind, alert.scope, alert.state) == ("record_quarantined", "table[0]", "open")
    assert "at record 30 of table[0]" in alert.summary


async def alerts(engine: Any) -> Any:
    return await rows(
        engine, "select kind, scope, state, summary from alerts where scope is not null"
    )


async def test_of_several_quarantined_records_an_operator_is_told_once(
    engine, database_url, monkeypatch
):
    await quarantine_two(engine, database_url, monkeypatch)

    assert [alert.kind for alert in await alerts(engine)] == ["record_quarantined"]


async def test_a_quarantine_whose_alert_cannot_be_raised_sets_the_record_aside_all_the_same(
    engine, database_url, monkeypatch
):
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "create function breaks() returns trigger language plpgsql as $$ begin raise"
                " exception 'broken'; end $$"
            )
        )
        await conn.execute(
            text(
                "create trigger breaks before insert on alerts for each statement execute function"
                " breaks()"
            )
        )

    await quarantine_two(engine, database_url, monkeypatch)

    assert await alerts(engine) == []


async def quarantine_two(engine: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three events, of which the first and the last can't be decoded."""
    decode = owning.decode

    def breaks(program, values, *arguments, **options):
        if any(b'"bad' in value for value in values):
            raise OverflowError("date value out of range")
        return decode(program, values, *arguments, **options)

    monkeypatch.setattr(owning, "decode", breaks)
    appender = await installed(engine, 1)

    async def both_are_aside() -> bool:
        return await scalar(engine, "select count(*) from dead_letters") == 2

    async with processing(engine, url, wall):
        await append(
            appender,
            [
                make_event("seats.changed", customer_id="c", id=id)
                for id in ("bad1", "good", "bad2")
            ],
        )
        await until(both_are_aside)
        await until(lambda: reaches(engine, "c", 1))


async def test_a_record_that_breaks_the_decoding(engine, database_url, monkeypatch):
    decode = owning.decode

    def breaks(program, values, *arguments, **options):
        if any(b'"bad"' in value for value in values):
            raise OverflowError("date value out of range")
        return decode(program, values, *arguments, **options)

    monkeypatch.setattr(owning, "decode", breaks)
    await count_all_but_the_bad(engine, database_url)


async def test_a_record_that_breaks_the_deciding(engine, database_url, monkeypatch):
    cut = FlushBuilder.prepare_flush

    def breaks(self, pending, *arguments):
        if b'"bad"' in b"".join(
            bytes(piece) for block in pending.archived.values() for piece in block
        ):
            raise RecursionError("too deep")
        return cut(self, pending, *arguments)

    monkeypatch.setattr(FlushBuilder, "prepare_flush", breaks)
    await count_all_but_the_bad(engine, database_url)


@pytest.mark.parametrize("kind", ["python", "driver", "database"])
async def test_a_record_that_breaks_the_writing(engine, database_url, monkeypatch, kind):
    copy = archive.copy

    async def breaks(conn, blocks):
        if b'"bad"' in b"".join(bytes(piece) for block in blocks.values() for piece in block):
            if kind == "python":
                raise KeyError("bad")
            if kind == "driver":
                await conn.execute(text("select cast(:number as integer)"), {"number": 2**40})
            await conn.execute(text("select 1 / 0"))
        await copy(conn, blocks)

    monkeypatch.setattr(archive, "copy", breaks)
    await count_all_but_the_bad(engine, database_url)


async def test_a_dead_letter_that_breaks_its_writing_is_quarantined_by_another_way(
    engine, database_url, monkeypatch
):
    write = flushing.dead_letter

    async def breaks(conn, letters):
        if any(letter.raw == b"nonsense" for letter in letters):
            await conn.execute(text("select '\\u0000'::jsonb"))
        await write(conn, letters)

    monkeypatch.setattr(flushing, "dead_letter", breaks)
    appender = await installed(engine, 1)

    async def counted() -> bool:
        return await applied(engine) >= 2

    async with processing(engine, database_url, wall):
        await appender.append([("c", '{"a": 1}'), ("c", "nonsense")])
        await append(
            appender, [make_event("seats.changed", customer_id="c", id=f"{i}") for i in range(2)]
        )
        await until(counted)
    letters = await rows(engine, "select position, reason from dead_letters order by 1")
    assert [tuple(letter) for letter in letters] == [(0, "invalid_envelope"), (1, "unfoldable")]


async def test_an_outage_costs_no_record_however_often_it_strikes(
    engine, database_url, monkeypatch
):
    write, failures = Owner.flush, [ConnectionResetError(f"{n}") for n in range(6)]

    def fails(self, now):
        if failures:
            raise failures.pop()
        return write(self, now)

    monkeypatch.setattr(Owner, "flush", fails)
    appender = await installed(engine, 1)

    async def counted() -> bool:
        return await applied(engine) >= 1

    async with processing(engine, database_url, wall):
        await append(appender, [make_event("seats.changed", customer_id="c")])
        await until(counted)
    assert failures == []
    assert await scalar(engine, "select count(*) from dead_letters") == 0
