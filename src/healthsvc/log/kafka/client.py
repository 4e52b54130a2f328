"""Clients of Kafka: how they talk to the brokers, how they start and stop, and the topic's
existence."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from healthsvc.telemetry import LogEvent

ANSWER_SECONDS = 5.0  # how long a question may take
CLOSE_SECONDS = 4.0
FAULTS = (KafkaError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """How to talk to the brokers, in the words of Kafka's clients (security.protocol and so on)."""

    protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = None
    ssl_cafile: str | None = None

    def arguments(self) -> dict[str, Any]:
        encrypted = self.protocol.endswith("SSL")
        return {
            "security_protocol": self.protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "ssl_context": ssl.create_default_context(cafile=self.ssl_cafile)
            if encrypted
            else None,
        }


async def ensure_topic(topic: str, partitions: int, client: Mapping[str, Any]) -> None:
    """Create the topic with the brokers' default replication, unless it is there. Raises one of
    FAULTS."""
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        if topic in await admin.list_topics():
            return
        new = NewTopic(
            topic, num_partitions=partitions, replication_factor=-1, replica_assignments={}
        )
        answer = await admin.create_topics([new])
        for _, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error(f"can't create topic {topic}")
    finally:
        await admin.close()


async def describe_topic(topic: str, client: Mapping[str, Any]) -> set[int]:
    """The topic's partitions. Raises one of FAULTS."""
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        (description,) = await admin.describe_topics([topic])
        if not description["partitions"]:
            raise TimeoutError(f"topic {topic} has no partitions yet")
        return {partition["partition"] for partition in description["partitions"]}
    finally:
        await admin.close()


async def start(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """The same, started; it leaves nothing behind if that fails. Raises one of FAULTS."""
    try:
        await consumer.start()
    except BaseException:
        await stop(consumer)
        raise
    return consumer


async def stop(*consumers: Any) -> None:
    """Stop them, for CLOSE_SECONDS at most: a client that hangs must not keep the process."""
    stopping = [
        asyncio.ensure_future(consumer.stop()) for consumer in consumers if consumer is not None
    ]
    if not stopping:
        return
    done, late = await asyncio.wait(stopping, timeout=CLOSE_SECONDS)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            structlog.get_logger().debug(
                LogEvent.LOG_READER_RESTARTED, error=repr(task.exception())
            )
