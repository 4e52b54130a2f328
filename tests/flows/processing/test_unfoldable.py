"""A record that is valid and yet breaks our folding is found, set aside and passed; the others are
counted once."""

from sqlalchemy import text

from healthsvc.core.folding import facts
from healthsvc.store.processing import states as stored
from tests.flows.spine import append, applied, installed, processing, scalar, wall
from tests.support.makers import make_event
from tests.support.waiting import until


async def test_an_event_that_breaks_the_folding_is_one_dead_letter_and_the_others_count(
    engine, database_url, monkeypatch
):
    def breaks(store, group):
        if any(event.id == "bad" for event in group.events):
            raise TypeError("a fault of ours")

    monkeypatch.setattr(facts, "HANDLERS", {**facts.HANDLERS, "seats.changed": breaks})
    appender = await installed(engine, 1)
    events = [make_event("seats.changed", id=f"e{i}", customer_id=f"c{i % 7}") for i in range(60)]
    events.insert(30, make_event("seats.changed", id="bad", customer_id="c1"))

    async def all_counted() -> bool:
        return await applied(engine) >= 60

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(all_counted)

    async with engine.connect() as conn:
        letters = (
            await conn.execute(
                text("select reason, position, convert_from(raw, 'utf8') raw from dead_letters")
            )
        ).all()
        assert [(letter.reason, letter.position) for letter in letters] == [("unfoldable", 30)]
        assert '"bad"' in letters[0].raw
        assert await conn.scalar(text("select sum(applied) from partitions")) == 60
        assert await conn.scalar(text("select count(*) from archive")) == 60


async def test_a_database_that_fails_in_an_unknown_way_while_customers_are_loaded_costs_no_event(
    engine, database_url, monkeypatch
):
    """Twice: once over the whole read, and again when its records are looked at one by one."""
    load, failures = stored.many_by_ids, [RuntimeError("first"), RuntimeError("second")]

    async def fails_at_first(*arguments):
        if failures:
            raise failures.pop(0)
        return await load(*arguments)

    monkeypatch.setattr(stored, "many_by_ids", fails_at_first)
    appender = await installed(engine, 1)

    async def all_counted() -> bool:
        return await applied(engine) >= 10

    async with processing(engine, database_url, wall):
        await append(
            appender,
            [make_event("seats.changed", id=f"e{i}", customer_id=f"c{i}") for i in range(10)],
        )
        await until(all_counted)

    assert failures == []
    assert await scalar(engine, "select count(*) from dead_letters") == 0
