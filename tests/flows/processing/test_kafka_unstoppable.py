"""Whatever a Kafka record holds, it is counted or becomes one dead letter, and the next one is
counted."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from healthsvc.log.kafka.input import KafkaInput
from healthsvc.store.database.engine import AsyncEngine
from tests.flows.spine import installed, processing, reaches, rows, wall
from tests.support.kafka_records import RawBatch, RawProducer, RawRecord, bomb
from tests.support.makers import as_json, make_event
from tests.support.waiting import until

Make = Callable[..., str]
CE = {b"ce_specversion": b"1.0", b"ce_id": b"1", b"ce_source": b"s", b"ce_type": b"session.started"}

ANY_TIME = {"message.timestamp.after.max.ms": str(2**63 - 1)}


def event(customer: str, **changes: Any) -> bytes:
    return as_json(make_event("feature.used", customer_id=customer, **changes)).encode()


def cloud_event(**changes: bytes | None) -> list[tuple[bytes, bytes | None]]:
    attributes: dict[bytes, bytes | None] = {**CE, b"ce_time": b"2026-11-28T09:00:00Z"}
    attributes |= {name.encode(): value for name, value in changes.items()}
    return list(attributes.items())


@asynccontextmanager
async def counting(
    engine: AsyncEngine, url: str, kafka: str, topic: str
) -> AsyncIterator[RawProducer]:
    """A processor that reads the topic; what is sent is read in order from partition 0."""
    await installed(engine, 1)
    source = KafkaInput(bootstrap_servers=kafka, topic=topic, partitions=1)
    async with (
        RawProducer(kafka) as producer,
        processing(engine, url, wall, inputs=[source]) as task,
    ):
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=event("before"))]))
        await until(lambda: reaches(engine, "before", 1))
        yield producer
        assert not task.done()


async def letters(engine: AsyncEngine) -> list[Any]:
    return await rows(
        engine,
        "select position, raw, raw_bytes, headers, reason, errors from dead_letters order by 1",
    )


REJECTED = {
    "a null header": (b"{}", [(b"x", None)], {"x": None}),
    "a null header, not JSON": (b"not json", [(b"traceparent", None)], {"traceparent": None}),
    "a tombstone with a null header": (None, [(b"traceparent", None)], {"traceparent": None}),
    "NUL in a name": (b"{}", [(b"a\0b", b"v")], {"a\\x00b": "v"}),
    "NUL in a value": (b"{}", [(b"a", b"v\0")], {"a": "v\\x00"}),
    "bytes that aren't UTF-8 in a value": (b"{}", [(b"a", b"\xff\\x")], {"a": "\\xff\\\\x"}),
    "a name that isn't UTF-8": (b"{}", [(b"\xff\xfe", b"v")], {"\\xff\\xfe": "v"}),
    "a surrogate": (b"{}", [(b"a", b"\xed\xa0\x80")], {"a": "\\xed\\xa0\\x80"}),
    "an empty name": (b"{}", [(b"", b"")], {"": ""}),
    "a name several times": (
        b"{}",
        [(b"a", b"1"), (b"a", None), (b"a", b"2")],
        {"a": ["1", None, "2"]},
    ),
    "a null subject": (b"{}", cloud_event(ce_subject=None), None),
    "a null id": (b"{}", cloud_event(ce_id=None, ce_subject=b"c"), None),
    "an attribute that isn't UTF-8": (
        b"{}",
        [*cloud_event(ce_subject=b"c"), (b"ce_a\0b", b"\xff")],
        None,
    ),
    "a customer with NUL": (b"{}", cloud_event(ce_subject=b"a\0b"), None),
    "a value with NUL": (b"\0" * 40, [], {}),
    "a value that isn't UTF-8": (b'{"customer_id": "\xff"}', [], {}),
    "a lone surrogate": (b'{"customer_id": "\\ud800", "id": "\\u0000"}', [], {}),
    "a customer of a megabyte": (
        b'{"customer_id": "' + b"x" * (1 << 19) + b'"}',
        [(b"n" * (1 << 18), b"v")],
        None,
    ),
}


@pytest.mark.parametrize(("value", "headers", "wanted"), REJECTED.values(), ids=REJECTED.keys())
async def test_what_is_no_event_is_one_dead_letter_and_the_next_record_counts(
    engine: AsyncEngine,
    database_url: str,
    kafka: str,
    kafka_topic: Make,
    value: Any,
    headers: Any,
    wanted: Any,
) -> None:
    topic = kafka_topic(partitions=1)
    async with counting(engine, database_url, kafka, topic) as producer:
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=value, headers=headers)]))
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=event("after"))]))
        await until(lambda: reaches(engine, "after", 1))
    (letter,) = await letters(engine)
    assert letter.position == 1
    assert letter.raw_bytes == len(value or b"")
    assert letter.raw is None or bytes(letter.raw) == (value or b"")
    assert (letter.raw is None) == (len(value or b"") > 65_536)
    if wanted is not None:
        assert letter.headers == wanted


COUNTED = {
    "a header's name isn't UTF-8": RawRecord(value=event("odd"), headers=[(b"\xff\xfe", b"v")]),
    "headers that mean nothing": RawRecord(
        value=event("odd"), headers=[(b"x", None), (b"a\0b", b"\0"), (b"", b"")]
    ),
    "a key that isn't UTF-8": RawRecord(value=event("odd"), key=b"\xff\0"),
    "a time of 0": RawRecord(value=event("odd"), timestamp=0),
    "a time of -1": RawRecord(value=event("odd"), timestamp=-1),
    "a time in seconds": RawRecord(value=event("odd"), timestamp=int(time.time())),
    "a time in microseconds": RawRecord(value=event("odd"), timestamp=int(time.time() * 1e6)),
    "a time in nanoseconds": RawRecord(value=event("odd"), timestamp=time.time_ns()),
    "the last time there is": RawRecord(value=event("odd"), timestamp=2**63 - 1),
}


@pytest.mark.parametrize("record", COUNTED.values(), ids=COUNTED.keys())
async def test_an_event_counts_whatever_stands_beside_it(
    engine: AsyncEngine, database_url: str, kafka: str, kafka_topic: Make, record: RawRecord
) -> None:
    topic = kafka_topic(partitions=1, config=ANY_TIME)
    async with counting(engine, database_url, kafka, topic) as producer:
        await producer.send(topic, 0, RawBatch(records=[record]))
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=event("after"))]))
        await until(lambda: reaches(engine, "odd", 1))
        await until(lambda: reaches(engine, "after", 1))
    assert await letters(engine) == []
    causes = await rows(
        engine,
        "select cause from history join customers on key = customer_key where customer_id = 'odd'",
    )
    assert {row.cause for row in causes} <= {"events"}


async def test_a_batch_that_nothing_can_read_is_set_aside_and_an_operator_is_told(
    engine: AsyncEngine, database_url: str, kafka: str, kafka_topic: Make
) -> None:
    topic = kafka_topic(partitions=1)
    async with counting(engine, database_url, kafka, topic) as producer:
        await producer.send(topic, 0, bomb(200 << 20))
        await producer.send(topic, 0, RawBatch(records=[RawRecord(value=event("after"))]))
        await until(lambda: reaches(engine, "after", 1))
    (letter,) = await letters(engine)
    assert (letter.position, letter.reason) == (1, "unreadable")
    assert letter.raw
    assert "records 1 to 1" in letter.errors[0]["detail"]
    (alert,) = await rows(
        engine, "select kind, scope, state, detail from alerts where scope is not null"
    )
    assert (alert.kind, alert.scope, alert.state) == ("records_unreadable", "topic[0]", "open")
    detail = alert.detail if isinstance(alert.detail, dict) else json.loads(alert.detail)
    assert detail["ranges"][0]["first"] == 1
