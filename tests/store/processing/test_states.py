"""States in the database: read as columns, and written where they were read, wherever they are by
now."""

import asyncpg
import numpy as np
import pytest
from sqlalchemy import text

from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.folding.stored import StoredMany
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import states

NAMES = ["a", "b", "c", "d"]
WITHOUT = ["new", "none"]
DECISION = DecisionStates.undecided(1).packed_row(0)


def state_of(name: str, version: int) -> bytes:
    return f"{name}:{version}".encode().ljust(16 + 8 * len(name))


async def filled(engine: AsyncEngine) -> None:
    """Customers with keys from 1 on; those of WITHOUT, among the others by key, have no state."""
    async with engine.begin() as conn:
        for key, name in enumerate(["none", *NAMES[:2], "new", *NAMES[2:]], 1):
            await conn.execute(
                text(
                    "insert into customers (key, customer_id, partition) overriding system value"
                    " values (:k, :n, 2)"
                ),
                {"k": key, "n": name},
            )
            if name not in WITHOUT:
                row = {"k": key, "s": state_of(name, 0), "d": DECISION, "p": f'{{"of": "{name}"}}'}
                await conn.execute(
                    text(
                        "insert into states values (1, :k, 2, :s, :d, cast(cast(:p as text) as"
                        " json))"
                    ),
                    row,
                )


async def read(engine: AsyncEngine, names: list[str]) -> StoredMany:
    async with engine.connect() as conn:
        return await states.many_by_ids(conn, 1, names)


def tids_of(found: StoredMany) -> dict[str, int]:
    return dict(zip(found.customer_ids, found.tids.tolist(), strict=True))


async def contents(engine: AsyncEngine) -> dict[str, tuple[bytes, str]]:
    async with engine.connect() as conn:
        found = await conn.execute(
            text(
                "select customer_id, state, profile::text from states join customers on key ="
                " customer_key"
            )
        )
        return {name: (state, profile) for name, state, profile in found}


async def write(engine: AsyncEngine, found: StoredMany, tids: np.ndarray, version: int) -> None:
    count = int((found.widths > 0).sum())
    content = states.rows(
        1,
        found.keys[:count],
        found.partitions[:count],
        [memoryview(state_of(name, version)) for name in found.customer_ids[:count]],
        DecisionStates.undecided(count).array,
        {},
        tids[:count],
    )
    async with engine.begin() as conn:
        await states.write(
            conn, None, states.StateRows(content, count, int(np.count_nonzero(tids[:count])))
        )


async def test_columns_say_of_each_customer_what_is_its_own_those_with_a_state_first(engine):
    await filled(engine)
    found = await read(engine, ["c", "new", "a", "nobody", "none", "d"])
    assert sorted(found.customer_ids[:3]) == ["a", "c", "d"]
    assert sorted(found.customer_ids[3:]) == WITHOUT
    ends = np.cumsum(found.widths).tolist()
    cut = [
        found.states[end - width : end]
        for end, width in zip(ends, found.widths.tolist(), strict=True)
    ]
    assert cut == [*(state_of(name, 0) for name in found.customer_ids[:3]), b"", b""]
    assert found.profiles == [*(f'{{"of": "{name}"}}' for name in found.customer_ids[:3]), "", ""]
    assert found.decisions == DECISION * 3
    assert (found.tids != 0).tolist() == [True, True, True, False, False]
    assert found.partitions.tolist() == [2] * 5


async def test_no_state_at_all_and_nobody_at_all(engine):
    await filled(engine)
    found = await read(engine, WITHOUT)
    assert (sorted(found.customer_ids), found.states, found.widths.tolist()) == (
        WITHOUT,
        b"",
        [0, 0],
    )
    assert len(await read(engine, ["nobody"])) == 0


@pytest.mark.parametrize("known", ["all", "some", "none"])
async def test_states_are_written_by_tid_where_it_is_known_and_by_key_where_it_is_not(
    engine, known
):
    await filled(engine)
    found = await read(engine, NAMES)
    kept = {"all": 4, "some": 2, "none": 0}[known]
    await write(engine, found, np.where(np.arange(4) < kept, found.tids, 0), 1)
    assert await contents(engine) == {
        name: (state_of(name, 1), f'{{"of": "{name}"}}') for name in NAMES
    }


async def test_states_that_were_moved_since_are_found_all_the_same_and_no_other_is_touched(
    engine, database_url
):
    """Where each was read another customer's lies by then: they are written anew in the opposite
    order, as VACUUM FULL would write them if some before them were gone."""
    await filled(engine)
    found = await read(engine, ["a", "b", "c"])
    conn = await asyncpg.connect(database_url)
    await conn.execute("create index backwards on states (customer_key desc)")
    await conn.execute("cluster states using backwards")
    await conn.close()
    before, after = (tids_of(each) for each in (found, await read(engine, NAMES)))
    assert all(before[name] != after[name] for name in before)
    assert set(before.values()) < set(after.values())
    await write(engine, found, found.tids, 1)
    versions = {"a": 1, "b": 1, "c": 1, "d": 0}
    assert {n: s for n, (s, _) in (await contents(engine)).items()} == {
        n: state_of(n, v) for n, v in versions.items()
    }


async def test_a_known_tid_spares_the_index(engine):
    """As planned for a flush: whichever the table's size, the planner must not use the tid as a
    filter only."""
    await filled(engine)
    async with engine.begin() as conn:
        await conn.execute(states._INCOMING)
        await states.by_index(conn)
        plan = "\n".join((await conn.execute(text(f"explain {states._BY_TID.text}"))).scalars())
    assert "Tid Scan on states" in plan
