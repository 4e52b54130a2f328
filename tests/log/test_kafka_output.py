"""Replays into a real Kafka: keyed by customer, in order, acknowledged."""

import asyncio
import json
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from healthsvc.flows.intake.replay_output import OutputAwayError, ReplayBatch
from healthsvc.log.kafka.client import KafkaSecurity
from healthsvc.log.kafka.output import KafkaOutput
from tests.support.makers import make_event
from tests.support.waiting import PATIENCE_SECONDS


def batch(numbers: range) -> ReplayBatch:
    customers = [f"c{n % 5}" for n in numbers]
    events = [
        json.dumps(make_event(id=f"e-{n}", customer_id=c)).encode()
        for n, c in zip(numbers, customers, strict=True)
    ]
    return ReplayBatch(customer_ids=customers, events=events)


async def test_one_partition_holds_the_events_in_the_order_sent(
    kafka: str, kafka_topic: Callable[..., str]
) -> None:
    topic = kafka_topic(partitions=1)

    async with KafkaOutput(kafka, topic) as output:
        answers = [
            await output.send(batch(range(3000))),
            await output.send(batch(range(3000, 4000))),
        ]

    records = await read(kafka, topic, 4000)
    assert [answer.accepted for answer in answers] == [3000, 1000]
    assert [json.loads(value)["id"] for _, value in records] == [f"e-{n}" for n in range(4000)]
    assert all(json.loads(value)["customer_id"] == key.decode() for key, value in records)


async def test_a_broker_that_is_not_there_is_away() -> None:
    with pytest.raises(OutputAwayError):
        async with KafkaOutput("127.0.0.1:1", "t"):
            pass


async def test_the_configured_security_holds_for_what_is_sent_too() -> None:
    first_bytes: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await first_bytes.put(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OutputAwayError):
            async with KafkaOutput(f"127.0.0.1:{port}", "t", KafkaSecurity(protocol="SSL")):
                pass

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await first_bytes.get() == b"\x16"  # a TLS handshake


async def read(bootstrap: str, topic: str, count: int) -> list[tuple[bytes, bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return [
            (record.key, record.value) for record in [await consumer.getone() for _ in range(count)]
        ]
    finally:
        await consumer.stop()
