"""Leases: fair shares, expiry by the database's clock, hand-over at once, and a zombie that can't
write."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from healthsvc.flows.processing.leases import Leases, fair_share
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import partitions as rows
from healthsvc.store.processing.partition_leases import Lease
from healthsvc.store.processing.partitions import Fenced, Move, Ownership
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture(autouse=True)
async def _partitions(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 4)


async def expire(engine: AsyncEngine, leases: Leases) -> None:
    """As if the worker had been silent for longer than its lease."""
    async with engine.begin() as conn:
        await conn.execute(
            text("update partitions set lease_until = now() - interval '1 s' where owner = :o"),
            {"o": leases.owner},
        )
        await conn.execute(
            text("update workers set seen_until = now() - interval '1 s' where id = :o"),
            {"o": leases.owner},
        )


async def settle(workers: Sequence[Leases]) -> list[set[int]]:
    """Tick in turn, handing over what is too much, until nothing changes."""
    for _ in range(4):
        for worker in workers:
            changes = await worker.tick()
            await worker.release(changes.surplus)
    return [set(worker.owned) for worker in workers]


def step(partition: int, owned: Ownership, events: int = 1) -> Move:
    return Move(
        partition=partition,
        epoch=owned.epoch,
        table_from=owned.table_offset,
        table_to=owned.table_offset + events,
        kafka_from=owned.kafka_offset,
        kafka_to=owned.kafka_offset,
        applied_from=owned.applied,
        applied_to=owned.applied + events,
    )


async def flush(engine: AsyncEngine, leases: Leases, *moves: Move) -> None:
    async with engine.begin() as conn:
        await rows.compare_and_set(
            conn, projection=leases.projection, owner=leases.owner, moves=moves
        )


async def test_a_single_worker_takes_all_partitions_from_their_beginning(
    engine: AsyncEngine,
) -> None:
    changes = await Leases(engine, 1, "a").tick()
    assert sorted(changes.acquired) == [0, 1, 2, 3]
    assert changes.acquired[0] == Ownership(
        epoch=1, table_offset=0, kafka_offset=-1, applied=0, read_through_at=None
    )
    assert not changes.lost
    assert not changes.surplus


async def test_partitions_are_shared_evenly_as_workers_come_and_go(engine: AsyncEngine) -> None:
    a, b, c = (Leases(engine, 1, name) for name in "abc")
    assert await settle([a]) == [{0, 1, 2, 3}]

    two = await settle([a, b])
    assert sorted(map(len, two)) == [2, 2]

    three = await settle([a, b, c])
    assert sorted(map(len, three)) == [1, 1, 2]
    assert set.union(*three) == {0, 1, 2, 3}

    await b.stop()
    assert sorted(map(len, await settle([a, c]))) == [2, 2]
    assert not b.owned


async def test_a_partition_stays_ours_until_we_release_it(engine: AsyncEngine) -> None:
    a, b = Leases(engine, 1, "a"), Leases(engine, 1, "b")
    await a.tick()
    assert not (await b.tick()).acquired

    surplus = (await a.tick()).surplus
    assert len(surplus) == 2
    assert not (await b.tick()).acquired
    await a.release(surplus)

    taken = (await b.tick()).acquired
    assert taken.keys() == surplus
    assert {owned.epoch for owned in taken.values()} == {2}


async def test_an_expired_lease_is_taken_and_its_zombie_is_fenced(engine: AsyncEngine) -> None:
    zombie, heir = Leases(engine, 1, "zombie"), Leases(engine, 1, "heir")
    before = (await zombie.tick()).acquired
    await flush(engine, zombie, step(0, before[0], events=5))
    await expire(engine, zombie)

    after = (await heir.tick()).acquired
    assert sorted(after) == [0, 1, 2, 3]
    assert (after[0].epoch, after[0].table_offset, after[0].applied) == (2, 5, 5)

    with pytest.raises(Fenced):
        await flush(engine, zombie, step(1, before[1]))
    await flush(engine, heir, step(1, after[1]))
    changes = await zombie.tick()
    assert changes.lost == {0, 1, 2, 3}
    assert not changes.acquired


async def test_an_expired_lease_that_nobody_took_goes_on(engine: AsyncEngine) -> None:
    leases = Leases(engine, 1, "slow")
    owned = (await leases.tick()).acquired
    await expire(engine, leases)
    await flush(engine, leases, step(0, owned[0]))
    changes = await leases.tick()
    assert not changes.lost
    assert not changes.acquired


async def test_a_partition_in_the_middle_of_a_flush_is_not_taken_whatever_its_lease_says(
    engine: AsyncEngine,
) -> None:
    a, b = Leases(engine, 1, "a"), Leases(engine, 1, "b")
    owned = (await a.tick()).acquired
    await expire(engine, a)
    async with engine.begin() as conn:
        await rows.compare_and_set(conn, projection=1, owner=a.owner, moves=[step(0, owned[0])])
        taken = (await asyncio.wait_for(b.tick(), PATIENCE_SECONDS)).acquired
    assert sorted(taken) == [1, 2, 3]


async def test_a_restarted_worker_of_the_same_name_gets_new_epochs(engine: AsyncEngine) -> None:
    first, second = Leases(engine, 1, "same"), Leases(engine, 1, "same")
    old = (await first.tick()).acquired
    new = (await second.tick()).acquired
    assert {owned.epoch for owned in new.values()} == {2}
    with pytest.raises(Fenced):
        await flush(engine, first, step(0, old[0]))


async def test_after_an_error_a_partition_is_taken_anew_where_it_really_stands(
    engine: AsyncEngine,
) -> None:
    leases = Leases(engine, 1, "a")
    owned = (await leases.tick()).acquired
    await flush(engine, leases, step(2, owned[2], events=7))

    fresh = await leases.reclaim([2, 3])

    assert (fresh[2].epoch, fresh[2].table_offset) == (2, 7)
    assert (fresh[3].epoch, fresh[3].table_offset) == (2, 0)
    with pytest.raises(Fenced):
        await flush(engine, leases, step(3, owned[3]))
    assert not (await leases.tick()).lost


async def test_what_somebody_else_took_meanwhile_is_not_reclaimed(engine: AsyncEngine) -> None:
    a, b = Leases(engine, 1, "a"), Leases(engine, 1, "b")
    await a.tick()
    await expire(engine, a)
    await b.tick()
    assert await a.reclaim([0, 1]) == {}
    assert sorted(a.owned) == [2, 3]
    assert (await a.tick()).lost == {2, 3}


async def test_a_clean_stop_frees_everything_at_once_and_tells_the_others(
    engine: AsyncEngine,
) -> None:
    a, b = Leases(engine, 1, "a"), Leases(engine, 1, "b")
    await a.tick()
    await a.stop()
    assert sorted((await b.tick()).acquired) == [0, 1, 2, 3]


async def test_partitions_that_appear_are_taken_by_the_next_tick(engine: AsyncEngine) -> None:
    leases = Leases(engine, 1, "a")
    await leases.tick()
    await leases.ensure(range(8))
    assert sorted((await leases.tick()).acquired) == [4, 5, 6, 7]


async def test_workers_of_another_projection_do_not_count(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("insert into projections values (2, 1, 'building')"))
        await rows.ensure(conn, range(4))
    live, building = Leases(engine, 1, "a"), Leases(engine, 2, "a")
    assert len((await live.tick()).acquired) == 4
    assert len((await building.tick()).acquired) == 4
    changes = await live.tick()
    assert not changes.surplus
    assert not changes.lost


@pytest.mark.parametrize(
    ("held", "shares"),
    [
        ({"a": 4, "b": 0}, {"a": 2, "b": 2}),
        ({"a": 2, "b": 2, "c": 0}, {"a": 2, "b": 1, "c": 1}),
        ({"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 1, "c": 2}),
        ({"a": 0, "b": 4, "c": 4}, {"a": 2, "b": 3, "c": 3}),
        ({"a": 1, "b": 0}, {"a": 1, "b": 0}),
    ],
)
def test_shares_differ_by_one_at_most_and_those_who_have_keep(
    held: dict[str, int], shares: dict[str, int]
) -> None:
    table = [
        Lease(owner=owner, epoch=1, expired=False)
        for owner, count in held.items()
        for _ in range(count)
    ]
    assert {worker: fair_share(worker, held, table) for worker in held} == shares
