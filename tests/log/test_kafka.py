"""Kafka as an input, on a real broker: everything once and in order, whatever happens to the topic
or the broker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.cimpl import Consumer, TopicPartition

from healthsvc.flows.processing.ports import Chunk, InputReading, InputStalled, OffsetOutOfRange
from healthsvc.log.kafka.input import LOOK_SECONDS, STALL_RESTARTS, KafkaInput
from healthsvc.log.kafka.stalls import Stalls
from tests.support.kafka_broker import KafkaBroker, create_topic, grow_topic
from tests.support.waiting import PATIENCE_SECONDS, eventually, until

Make = Callable[..., str]


@asynccontextmanager
async def reading(bootstrap: str, topic: str, **options: Any) -> AsyncIterator[KafkaInput]:
    source = KafkaInput(bootstrap_servers=bootstrap, topic=topic, **options)
    try:
        yield source
    finally:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await source.close()


async def produce(
    bootstrap: str, topic: str, records: list[tuple[int, Any]], **options: Any
) -> None:
    """Records are (partition, value); values of None are tombstones."""
    await asyncio.to_thread(_produce, bootstrap, topic, records, options)


def _produce(
    bootstrap: str, topic: str, records: list[tuple[int, Any]], options: dict[str, Any]
) -> None:
    failed: list[Any] = []
    options |= {"on_delivery": lambda error, _: failed.append(error)}
    # idempotent: otherwise a batch that is sent again, while a new topic's leader settles, comes
    # after later ones
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 1, "enable.idempotence": True}
    )
    for partition, value in records:
        producer.produce(topic, value, partition=partition, **options)
    assert producer.flush(PATIENCE_SECONDS) == 0
    assert set(failed) == {None}


async def found_partitions(source: KafkaInput) -> Sequence[int]:
    """Those of the topic, once it is connected."""
    await until(source.partitions)
    return await source.partitions()


async def read_until(
    source: KafkaInput, done: Callable[[list[Chunk], InputReading], bool]
) -> list[Chunk]:
    chunks: list[Chunk] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            got = await source.read(1000, 0.2)
            chunks += got.chunks
            if done(chunks, got):
                return chunks


async def read_values(source: KafkaInput, count: int) -> list[tuple[int, int, bytes]]:
    """(partition, offset, value) of so many records."""
    chunks = await read_until(source, lambda chunks, _: sum(map(len, chunks)) >= count)
    return [(c.partition, c.position(n), value) for c in chunks for n, value in enumerate(c.values)]


def delete_topic(bootstrap: str, topic: str) -> None:
    """Delete it and see that it is gone."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.delete_topics([topic]).values():
        future.result(PATIENCE_SECONDS)
    eventually(
        lambda: topic not in admin.list_topics(timeout=PATIENCE_SECONDS).topics,
        what=f"{topic} is gone",
    )


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    made = KafkaBroker()
    made.start()
    yield made
    made.close()


async def test_every_record_is_read_once_and_in_order(kafka: str, kafka_topic: Make) -> None:
    topic = kafka_topic(partitions=3)
    await produce(kafka, topic, [(n % 3, str(n)) for n in range(3000)])
    async with reading(kafka, topic) as source:
        assert await found_partitions(source) == [0, 1, 2]
        await source.assign(dict.fromkeys(range(3), -1))
        got = await read_values(source, 3000)
    for partition in range(3):
        mine = [(offset, value) for p, offset, value in got if p == partition]
        assert mine == [(n, str(n * 3 + partition).encode()) for n in range(1000)]


async def test_chunks_follow_each_other_without_a_hole(kafka: str, kafka_topic: Make) -> None:
    topic = kafka_topic(partitions=1)
    before = datetime.now(UTC) - timedelta(seconds=1)
    await produce(kafka, topic, [(0, str(n)) for n in range(500)])
    async with reading(kafka, topic) as source:
        await source.assign({0: 0})
        chunks: list[Chunk] = []
        while sum(map(len, chunks)) < 500:
            chunks += (await source.read(64, 1)).chunks
    assert max(map(len, chunks)) <= 64
    assert [c.first for c in chunks] == [0, *(c.next for c in chunks[:-1])]
    assert all(c.positions is None and c.headers is None for c in chunks)
    logged = datetime.fromtimestamp(int(chunks[0].logged_us[0]) / 1e6, UTC)
    assert before < logged < datetime.now(UTC) + timedelta(seconds=1)


async def test_reading_begins_at_the_offset_given(kafka: str, kafka_topic: Make) -> None:
    topic = kafka_topic(partitions=2)
    await produce(kafka, topic, [(n % 2, str(n)) for n in range(20)])
    async with reading(kafka, topic) as source:
        await source.assign({1: 7})
        assert await read_values(source, 3) == [(1, 7, b"15"), (1, 8, b"17"), (1, 9, b"19")]
        await source.assign({1: 10, 0: 9})
        assert await read_values(source, 1) == [(0, 9, b"18")]
        await source.assign({1: 8, 0: 10})
        assert await read_values(source, 2) == [(1, 8, b"17"), (1, 9, b"19")]


async def test_tombstones_are_empty_and_headers_come_along(kafka: str, kafka_topic: Make) -> None:
    topic = kafka_topic(partitions=1)
    await produce(kafka, topic, [(0, None), (0, "")])
    await produce(kafka, topic, [(0, "x")], headers=[("ce_id", b"1"), ("ce_type", b"t")])
    async with reading(kafka, topic) as source:
        await source.assign({0: -1})
        chunks = await read_until(source, lambda chunks, _: sum(map(len, chunks)) >= 3)
    assert [value for c in chunks for value in c.values] == [b"", b"", b"x"]
    assert chunks[-1].headers is not None
    assert list(chunks[-1].headers[-1]) == [("ce_id", b"1"), ("ce_type", b"t")]


async def test_a_read_that_is_cancelled_loses_nothing(kafka: str, kafka_topic: Make) -> None:
    topic = kafka_topic(partitions=1)
    await produce(kafka, topic, [(0, str(n)) for n in range(2000)])
    got: list[bytes] = []
    async with reading(kafka, topic) as source:
        await source.assign({0: -1})
        delay = 0.0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(got) < 2000:
                task = asyncio.create_task(source.read(100, 0.5))
                await asyncio.wait([task], timeout=delay)
                delay = (delay + 0.003) % 0.1
                task.cancel()
                try:
                    for chunk in (await task).chunks:
                        got += chunk.values
                except asyncio.CancelledError:
                    continue
    assert got == [str(n).encode() for n in range(2000)]


async def test_what_a_cancelled_read_took_is_read_again_though_another_partition_was_moved(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=2)
    await produce(kafka, topic, [(n % 2, str(n)) for n in range(20)])
    async with reading(kafka, topic) as source:
        await source.assign({0: 0, 1: 10})
        assert await found_partitions(source)
        await source.read(1, PATIENCE_SECONDS)
        taken = await source._fetch(
            3, PATIENCE_SECONDS
        )  # as far as a read gets before it is cancelled
        assert taken
        source._torn = True
        await source.assign({0: 1, 1: 5})
        got = await read_values(source, 14)
    assert sorted(got) == [
        *((0, n, str(2 * n).encode()) for n in range(1, 10)),
        *((1, n, str(2 * n + 1).encode()) for n in range(5, 10)),
    ]


async def test_partitions_that_are_added_are_found_and_read_from_their_beginning(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=4)
    async with reading(kafka, topic) as source:
        assert await found_partitions(source) == [0, 1, 2, 3]
        await source.assign(dict.fromkeys(range(4), -1))
        await source.read(10, 0.1)
        await asyncio.to_thread(grow_topic, kafka, topic, partitions=8)
        await produce(kafka, topic, [(n % 8, str(n)) for n in range(80)])

        async def found() -> bool:
            return await source.partitions() == list(range(8))

        await until(found)
        await source.assign(dict.fromkeys(range(8), -1))
        got = await read_values(source, 80)
    assert sorted(int(value) for _, _, value in got) == list(range(80))


async def test_a_partition_may_be_assigned_before_the_topic_has_it(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1)
    async with reading(kafka, topic) as source:
        await source.assign({0: -1, 1: -1})
        started = datetime.now(UTC)
        await read_until(
            source, lambda _, got: all(got.read_through.get(p, started) > started for p in (0, 1))
        )
        await asyncio.to_thread(grow_topic, kafka, topic, partitions=2)
        await produce(kafka, topic, [(1, "late"), (0, "early")])
        assert sorted(await read_values(source, 2)) == [(0, 0, b"early"), (1, 0, b"late")]


async def test_a_missing_topic_is_made_with_the_partitions_wanted_by_whoever_comes_first(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1) + ".new"
    async with (
        reading(kafka, topic, partitions=3) as one,
        reading(kafka, topic, partitions=3) as two,
    ):

        async def made() -> bool:
            return bool(await one.partitions() and await two.partitions())

        await until(made)
        assert await one.partitions() == await two.partitions() == [0, 1, 2]
    await asyncio.to_thread(delete_topic, kafka, topic)


async def test_read_through_follows_once_everything_is_read(kafka: str, kafka_topic: Make) -> None:
    topic = kafka_topic(partitions=2)
    await produce(kafka, topic, [(0, str(n)) for n in range(50)])
    async with reading(kafka, topic) as source:
        await source.assign({0: -1, 1: -1})
        first = await source.read(10, PATIENCE_SECONDS)
        assert len(first.chunks[0]) == 10
        assert not first.drained
        assert 0 not in first.read_through
        start = datetime.now(UTC)
        await read_until(
            source,
            lambda _, got: (
                got.drained and all(got.read_through.get(p, start) > start for p in (0, 1))
            ),
        )


async def test_while_records_wait_read_through_stands_still(kafka: str, kafka_topic: Make) -> None:
    topic = kafka_topic(partitions=1)
    async with reading(kafka, topic) as source:
        await source.assign({0: -1})
        await read_until(source, lambda _, got: 0 in got.read_through)
        await produce(kafka, topic, [(0, str(n)) for n in range(40)])
        written = datetime.now(UTC)
        await until(lambda: source._ends.end(0) == 40)
        await asyncio.sleep(3 * LOOK_SECONDS)
        for _ in range(39):
            got = await source.read(1, PATIENCE_SECONDS)
            assert got.read_through[0] < written
            assert not got.drained
        await read_until(source, lambda _, got: got.read_through[0] > written)


async def test_an_open_transaction_holds_read_through_and_an_aborted_one_is_skipped(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1)
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topic})
    await asyncio.to_thread(producer.init_transactions)
    async with reading(kafka, topic, stall_seconds=3.0) as source:
        await source.assign({0: -1})
        producer.begin_transaction()
        producer.produce(topic, "aborted", partition=0)
        await asyncio.to_thread(producer.flush)
        written = datetime.now(UTC)
        for _ in range(20):
            got = await source.read(10, 0.25)
            assert not got.chunks
            assert got.read_through.get(0, written) <= written
        assert source.restarts == 0

        await asyncio.to_thread(producer.abort_transaction)
        producer.begin_transaction()
        producer.produce(topic, "kept", partition=0)
        await asyncio.to_thread(producer.commit_transaction)
        chunks = await read_until(
            source, lambda _, got: got.drained and got.read_through.get(0, written) > written
        )
    assert [value for c in chunks for value in c.values] == [b"kept"]
    assert chunks[-1].next == 4  # two records, two markers


async def test_an_offset_beyond_the_end_is_an_alarm_and_never_a_reset(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1)
    await produce(kafka, topic, [(0, str(n)) for n in range(10)])
    async with reading(kafka, topic) as source:
        await source.assign({0: 25})
        with pytest.raises(OffsetOutOfRange, match="made anew") as caught:
            await read_values(source, 1)
        assert (
            caught.value.partition,
            caught.value.ours,
            caught.value.begin,
            caught.value.end,
        ) == (0, 25, 0, 10)
        with pytest.raises(OffsetOutOfRange):
            await read_values(source, 1)
        await source.assign({0: 9})
        assert await read_values(source, 1) == [(0, 9, b"9")]


async def test_records_deleted_before_we_read_them_are_an_alarm(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1)
    await produce(kafka, topic, [(0, str(n)) for n in range(10)])
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.delete_records([TopicPartition(topic, 0, 6)]).values():
        await asyncio.to_thread(future.result, PATIENCE_SECONDS)
    async with reading(kafka, topic) as source:
        await source.assign({0: 2})
        with pytest.raises(OffsetOutOfRange, match="deleted 4 unread records") as caught:
            await read_values(source, 1)
        assert (caught.value.begin, caught.value.end) == (6, 10)
        await source.assign({0: -1})
        assert (await read_values(source, 4))[0] == (0, 6, b"6")


async def test_a_topic_made_anew_while_we_read_it_is_an_alarm(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1)
    await produce(kafka, topic, [(0, str(n)) for n in range(10)])
    async with reading(kafka, topic) as source:
        await source.assign({0: -1})
        await read_values(source, 10)
        await asyncio.to_thread(delete_topic, kafka, topic)
        await asyncio.to_thread(create_topic, kafka, topic, partitions=1)
        await produce(kafka, topic, [(0, "other")])
        with pytest.raises(OffsetOutOfRange):
            await read_values(source, 1)


async def test_offsets_are_committed_under_the_group_as_a_hint(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=2)
    await produce(kafka, topic, [(0, str(n)) for n in range(10)])
    async with reading(kafka, topic, group=topic) as source:
        await source.assign({0: -1, 1: -1})
        await read_values(source, 10)
        source.hint({0: 4, 1: -1})
        source.hint({0: 10})

        async def hinted() -> bool:
            return await asyncio.to_thread(committed, kafka, topic, 0) == 10

        await until(hinted)
        assert source.hint_failures == 0


def committed(bootstrap: str, topic: str, partition: int) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic})
    try:
        return int(
            consumer.committed([TopicPartition(topic, partition)], timeout=PATIENCE_SECONDS)[
                0
            ].offset
        )
    finally:
        consumer.close()


async def test_a_broker_restart_is_survived_without_loss_or_repetition(broker: KafkaBroker) -> None:
    topic = "restarted"
    await asyncio.to_thread(create_topic, broker.address, topic, partitions=2)
    await produce(broker.address, topic, [(n % 2, str(n)) for n in range(100)])
    async with reading(broker.address, topic) as source:
        await source.assign({0: -1, 1: -1})
        got = await read_values(source, 100)

        await asyncio.to_thread(broker.kill)
        away = await source.read(100, 1.5)
        assert not away.chunks
        source.hint({0: 50})
        await asyncio.to_thread(broker.start)

        await produce(broker.address, topic, [(n % 2, str(n)) for n in range(100, 200)])
        got += await read_values(source, 100)
        back = datetime.now(UTC)
        await read_until(source, lambda _, got: got.read_through.get(0, back) > back)
    assert sorted(int(value) for _, _, value in got) == list(range(200))
    assert sorted({(p, offset) for p, offset, _ in got}) == [
        (p, n) for p in range(2) for n in range(100)
    ]


async def test_a_broker_that_is_away_at_first_is_waited_for(broker: KafkaBroker) -> None:
    topic = "late"
    await asyncio.to_thread(create_topic, broker.address, topic, partitions=1)
    await produce(broker.address, topic, [(0, "x")])
    await asyncio.to_thread(broker.stop)
    async with reading(broker.address, topic) as source:
        assert await source.partitions() == []
        await source.assign({0: -1})
        got = await source.read(10, 0.2)
        assert not got.chunks
        assert not got.read_through
        assert not got.drained
        await asyncio.to_thread(broker.start)
        assert await read_values(source, 1) == [(0, 0, b"x")]


async def test_a_reader_that_hangs_is_made_anew_and_at_last_given_up(
    kafka: str, kafka_topic: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka_topic(partitions=1)
    await produce(kafka, topic, [(0, str(n)) for n in range(10)])
    async with reading(kafka, topic, stall_seconds=0.8) as source:
        await source.assign({0: -1})
        start_reader = source._start_reader

        async def start_deaf_reader() -> Any:
            reader = await start_reader()
            fetcher = reader._consumer._fetcher

            async def no_records(
                *_: object, timeout: float = 0, **__: object
            ) -> dict[object, object]:
                await asyncio.sleep(timeout)
                return {}

            fetcher.fetched_records = lambda partitions, timeout, max_records: no_records(
                timeout=timeout
            )
            return reader

        monkeypatch.setattr(source, "_start_reader", start_deaf_reader)
        with pytest.raises(InputStalled) as caught:
            await read_values(source, 1)
        assert caught.value.lag == {0: 10}
        assert source.restarts == STALL_RESTARTS

        async def start_well() -> Any:
            source._watch = Stalls(PATIENCE_SECONDS)
            return await start_reader()

        monkeypatch.setattr(source, "_start_reader", start_well)
        source._watch.restarts = 0
        assert len(await read_values(source, 10)) == 10


async def test_records_are_read_however_their_producer_compresses_them(
    kafka: str, kafka_topic: Make
) -> None:
    topic, codecs = kafka_topic(partitions=1), ("none", "gzip", "lz4", "snappy", "zstd")
    for codec in codecs:
        producer = Producer({"bootstrap.servers": kafka, "compression.type": codec})
        producer.produce(topic, codec * 1000, partition=0)
        assert await asyncio.to_thread(producer.flush, PATIENCE_SECONDS) == 0

    async with reading(kafka, topic) as source:
        await source.assign({0: -1})
        assert await read_values(source, 5) == [
            (0, n, (codec * 1000).encode()) for n, codec in enumerate(codecs)
        ]


async def test_a_partition_that_is_no_longer_assigned_is_not_read(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=2)
    async with reading(kafka, topic) as source:
        await source.assign({0: -1, 1: -1})
        await source.read(10, 0.3)
        await source.assign({1: 0})
        await produce(kafka, topic, [(n % 2, str(n)) for n in range(20)])
        got = await read_values(source, 10)
        assert {partition for partition, _, _ in got} == {1}
        await source.assign({})
        empty = await source.read(10, 0.1)
        assert not empty.chunks
        assert empty.drained
        await source.assign({0: 0})
        assert len(await read_values(source, 10)) == 10


async def test_offsets_that_are_not_contiguous_are_named(kafka: str, kafka_topic: Make) -> None:
    """Offsets skip where a transaction was aborted between two others that a chunk spans."""
    topic = kafka_topic(partitions=1)
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topic})
    await asyncio.to_thread(producer.init_transactions)
    for n in range(3):
        producer.begin_transaction()
        producer.produce(topic, str(n), partition=0)
        # An abort whose record has not arrived yet ends a transaction that the broker has not
        # begun.
        assert await asyncio.to_thread(producer.flush, PATIENCE_SECONDS) == 0
        await asyncio.to_thread(
            producer.abort_transaction if n == 1 else producer.commit_transaction
        )
    admin = AdminClient({"bootstrap.servers": kafka})
    (end,) = admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}).values()
    latest = (await asyncio.to_thread(end.result, PATIENCE_SECONDS)).offset
    async with reading(kafka, topic) as source:
        await source.assign({0: 0})
        chunks = await read_until(
            source, lambda chunks, _: bool(chunks) and chunks[-1].next == latest
        )
    assert [(c.position(n), v) for c in chunks for n, v in enumerate(c.values)] == [
        (0, b"0"),
        (chunks[0].next - 2, b"2"),
    ]


def test_standing_still_while_records_wait_is_a_stall_and_moving_is_not() -> None:
    now = 100.0
    watch = Stalls(30.0, clock=lambda: now)
    watch.note(0, 5, 9, excused=False)
    watch.note(1, 5, 5, excused=False)
    watch.note(2, 5, 9, excused=True)
    watch.note(3, 5, 9, excused=False)
    now += 30.1
    watch.note(3, 6, 9, excused=False)
    assert watch.stalled() == {0: 4}
    assert watch.stalled() == {}
