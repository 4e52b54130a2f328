"""Kafka as an input, on a real broker: whatever a record holds, it is read or set aside, and the
next one is read."""

import pytest

from tests.log.test_kafka import Make, read_until, reading
from tests.support.kafka_records import RawBatch, RawProducer, RawRecord, bomb

ODD = {
    "a header's name isn't UTF-8": RawBatch(
        records=[RawRecord(value=b"odd", headers=[(b"\xff\xfe", b"v")])]
    ),
    "among good ones, compressed": RawBatch(
        records=[RawRecord(value=b"odd"), RawRecord(value=b"odd", headers=[(b"\xc3", None)])],
        codec="lz4",
    ),
}


@pytest.mark.parametrize("batch", ODD.values(), ids=ODD.keys())
async def test_what_the_client_library_cannot_parse_is_read_by_us(
    kafka: str, kafka_topic: Make, batch: RawBatch
) -> None:
    topic = kafka_topic(partitions=2)
    async with RawProducer(kafka) as producer, reading(kafka, topic) as source:
        await source.assign({0: -1, 1: -1})
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=b"before")]))
        await producer.send(topic, 0, batch)
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=b"after")]))
        await producer.send(topic, 1, RawBatch(records=[RawRecord(value=b"beside")]))
        wanted = len(batch.records) + 3
        chunks = await read_until(source, lambda chunks, _: sum(map(len, chunks)) >= wanted)
    assert [v for c in chunks if c.partition == 0 for v in c.values] == [
        b"before",
        *[b"odd"] * len(batch.records),
        b"after",
    ]
    assert [v for c in chunks if c.partition == 1 for v in c.values] == [b"beside"]


async def test_a_decompression_bomb_is_set_aside_and_the_next_record_is_read(
    kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1)
    async with RawProducer(kafka) as producer, reading(kafka, topic) as source:
        await source.assign({0: -1})
        await producer.send(topic, 0, bomb(200 << 20))
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=b"after")]))
        chunks = await read_until(source, lambda chunks, _: any(map(len, chunks)))
    assert [v for c in chunks for v in c.values] == [b"after"]
    ((lost,),) = [c.unreadable for c in chunks if c.unreadable]
    assert (lost.first, lost.last) == (0, 0)
    assert "more than" in lost.detail
