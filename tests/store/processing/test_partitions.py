"""The compare-and-set of a flush: only a step from exactly what is stored, by its owner in its
epoch, goes through."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import partition_leases, partitions
from healthsvc.store.processing.partitions import Fenced, Move


@pytest.fixture(autouse=True)
async def _owned(engine: AsyncEngine) -> None:
    """Partition 0 is at table offset 100, Kafka offset 1000, 50 applied, owned by "me" in epoch
    7."""
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 2)
        await conn.execute(
            text(
                "update partitions set owner = 'me', epoch = 7, table_offset = 100, kafka_offset ="
                " 1000, applied = 50"
            )
        )


def move(**changes: int) -> Move:
    values = {
        "partition": 0, "epoch": 7, "table_from": 100, "table_to": 110, "kafka_from": 1000,
        "kafka_to": 1010,
        "applied_from": 50, "applied_to": 60,
    }  # fmt: skip
    return Move(**(values | changes))


async def stored(engine: AsyncEngine, partition: int = 0) -> tuple[int, int, int]:
    async with engine.connect() as conn:
        row = (
            await conn.execute(
                text(
                    "select table_offset, kafka_offset, applied from partitions where projection ="
                    " 1 and partition = :p"
                ),
                {"p": partition},
            )
        ).one()
    return row.table_offset, row.kafka_offset, row.applied


async def flush(engine: AsyncEngine, *moves: Move, owner: str = "me", projection: int = 1) -> None:
    async with engine.begin() as conn:
        await partitions.compare_and_set(conn, projection=projection, owner=owner, moves=moves)


BATCHES = [
    # what the batch is, compared with what is stored (up to 100 or 1000), its [from, to), and
    # whether it goes through
    ("new", (100, 110), True),
    ("empty", (100, 100), True),
    ("the same again", (90, 100), False),
    ("overlaps", (95, 105), False),
    ("contains", (80, 120), False),
    ("contained", (92, 96), False),
    ("older than stored", (40, 50), False),
    ("newer, with a gap", (105, 115), False),
]


@pytest.mark.parametrize(
    ("batch", "passes"), [(b, p) for _, b, p in BATCHES], ids=[name for name, _, _ in BATCHES]
)
@pytest.mark.parametrize("source", ["table", "kafka"])
async def test_only_a_batch_that_begins_where_the_stored_ends_goes_through(
    engine: AsyncEngine, source: str, batch: tuple[int, int], *, passes: bool
) -> None:
    base = 0 if source == "table" else 900
    step = move(**{f"{source}_from": base + batch[0], f"{source}_to": base + batch[1]})
    if passes:
        await flush(engine, step)
        assert await stored(engine) == (step.table_to, step.kafka_to, 60)
    else:
        with pytest.raises(Fenced) as caught:
            await flush(engine, step)
        assert caught.value.partitions == {0}
        assert await stored(engine) == (100, 1000, 50)


@pytest.mark.parametrize(
    ("changes", "owner", "projection"),
    [
        ({"epoch": 6}, "me", 1),
        ({"epoch": 8}, "me", 1),
        ({}, "you", 1),
        ({}, "me", 2),
        ({"partition": 5}, "me", 1),
        ({"applied_from": 49}, "me", 1),
    ],
    ids=[
        "old epoch",
        "future epoch",
        "another owner",
        "another projection",
        "no such partition",
        "another count",
    ],
)
async def test_a_flush_by_anyone_else_is_refused(
    engine: AsyncEngine, changes: dict[str, int], owner: str, projection: int
) -> None:
    with pytest.raises(Fenced):
        await flush(engine, move(**changes), owner=owner, projection=projection)
    assert await stored(engine) == (100, 1000, 50)


async def test_one_refused_partition_refuses_the_whole_flush(engine: AsyncEngine) -> None:
    with pytest.raises(Fenced) as caught:
        await flush(engine, move(), move(partition=1, epoch=3))
    assert caught.value.partitions == {1}
    assert await stored(engine) == (100, 1000, 50)


async def test_a_first_read_of_kafka_moves_from_minus_one(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("update partitions set kafka_offset = -1"))
    await flush(engine, move(kafka_from=-1, kafka_to=10))
    assert await stored(engine) == (110, 10, 60)


async def test_a_flush_that_stalls_is_ended_by_the_server(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "STALL_SECONDS", 0.2)
    async with engine.connect() as stalled:
        await partitions.compare_and_set(stalled, projection=1, owner="me", moves=[move()])
        await flush(engine, move(table_to=101))
        await stalled.invalidate()
    assert await stored(engine) == (101, 1010, 60)


async def test_grown_partitions_are_added_to_the_log_and_to_every_projection_in_use(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as conn:
        await conn.execute(
            text("insert into projections values (2, 1, 'building'), (3, 1, 'retired')")
        )
        await partitions.ensure(conn, [0, 1, 2, 5])
        await partitions.ensure(conn, [5])
    async with engine.connect() as conn:
        assert await partitions.log_partitions(conn) == [0, 1, 2, 5]
        assert sorted(await partition_leases.leases(conn, 1)) == [0, 1, 2, 5]
        assert sorted(await partition_leases.leases(conn, 2)) == [0, 1, 2, 5]
        assert await partition_leases.leases(conn, 3) == {}
        assert (await partitions.table_offsets(conn))[0] == 100
    assert await stored(engine) == (100, 1000, 50)


async def test_a_partition_never_read_leaves_open_how_far_all_have_been_read(engine):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    async with engine.begin() as conn:
        await partitions.note_read(conn, projection=1, owner="me", through={0: at})
        assert await partitions.read_by_all(conn, 1) is None
        await partitions.note_read(
            conn, projection=1, owner="me", through={1: at + timedelta(minutes=1)}
        )
        assert await partitions.read_by_all(conn, 1) == at


async def test_how_far_a_partition_is_read_never_goes_back_and_is_its_owner_s_to_say(engine):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    both = {0: at, 1: at}
    async with engine.begin() as conn:
        await partitions.note_read(conn, projection=1, owner="me", through=both)
        await partitions.note_read(
            conn, projection=1, owner="me", through={0: at - timedelta(days=1)}
        )
        await partitions.note_read(
            conn, projection=1, owner="somebody", through={0: at + timedelta(days=1)}
        )
        assert await partitions.read_by_all(conn, 1) == at
