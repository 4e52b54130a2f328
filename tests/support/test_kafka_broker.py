"""The broker that tests lean on is a real one: it keeps its records over a kill and a restart."""

from collections.abc import Callable, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.support.kafka_broker import KafkaBroker, create_topic


@pytest.fixture
def own_broker() -> Iterator[KafkaBroker]:
    broker = KafkaBroker()
    broker.start()
    yield broker
    broker.close()


async def test_a_topic_has_the_partitions_asked_for(
    kafka: str, kafka_topic: Callable[..., str]
) -> None:
    topic = kafka_topic(3)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for partition in range(3)])
    ends = await consumer.end_offsets([TopicPartition(topic, partition) for partition in range(3)])
    assert sorted(ends.values()) == [0, 0, 0]
    await consumer.stop()


async def test_acknowledged_records_outlive_a_killed_broker(own_broker: KafkaBroker) -> None:
    create_topic(own_broker.address, "t", partitions=1)
    producer = AIOKafkaProducer(bootstrap_servers=own_broker.address, acks="all")
    await producer.start()
    await producer.send_and_wait("t", b"kept", partition=0)
    await producer.stop()

    own_broker.kill()
    own_broker.start()

    consumer = AIOKafkaConsumer(bootstrap_servers=own_broker.address, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition("t", 0)])
    record = await consumer.getone()
    assert record.value == b"kept"
    await consumer.stop()
