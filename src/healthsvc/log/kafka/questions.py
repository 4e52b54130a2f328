"""Metadata requests to the brokers, on a connection of their own: partitions, their beginnings and
ends; and hints.

On a client of its own, since an answer on the reading one's connection would queue behind its long
polls.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from healthsvc.log.kafka.client import ANSWER_SECONDS, describe_topic, start, stop

HINT_SECONDS = 2.0
NEW_PARTITIONS_SECONDS = 3.0


class Questions:
    """Requests the number of partitions, their beginnings and ends; commits hints under a group
    id."""

    def __init__(self, topic: str, group: str, client: Mapping[str, Any]) -> None:
        self.hint_failures = 0
        self._topic = topic
        self._group = group
        self._client = client
        self._consumer: AIOKafkaConsumer | None = None
        self._assigned: set[int] = set()
        self._hints: dict[int, int] = {}
        self._hinting: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        return self._consumer is not None

    @property
    def client(self) -> Any:
        """Its connections, for requests that the reading one's long polls shouldn't hold up. Raises
        TimeoutError."""
        if self._consumer is None:
            raise TimeoutError("not connected")
        return self._consumer._client

    async def start(self) -> None:
        """Raises one of FAULTS."""
        existing = await describe_topic(self._topic, self._client)
        consumer = AIOKafkaConsumer(
            **self._client,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            metadata_max_age_ms=int(NEW_PARTITIONS_SECONDS * 1000),
        )
        self._consumer = await start(consumer)
        self._adopt(existing)

    def partitions(self) -> set[int]:
        """What there is by the last metadata, which is never much older than
        NEW_PARTITIONS_SECONDS."""
        if self._consumer is not None:
            existing = self._consumer.partitions_for_topic(self._topic) or set()
            if not existing <= self._assigned:
                self._adopt(existing | self._assigned)
        return set(self._assigned)

    def _adopt(self, partitions: set[int]) -> None:
        """To commit for a partition one must be assigned it; paused from the start, so that nothing
        is fetched."""
        assert self._consumer is not None
        tps = [TopicPartition(self._topic, partition) for partition in partitions]
        self._consumer.assign(tps)
        for tp in tps:
            self._consumer.seek(tp, 0)
        self._consumer.pause(*tps)
        self._assigned = set(partitions)

    async def refresh(self) -> None:
        """Fetch the topic's partitions now. Raises one of FAULTS."""
        if self._consumer is None:
            raise TimeoutError("not connected")
        async with asyncio.timeout(ANSWER_SECONDS):
            if not await self._consumer._client.force_metadata_update():
                raise TimeoutError("no broker answered")

    async def beginnings(self, partitions: Iterable[int]) -> dict[int, int]:
        return await self._offsets("beginning_offsets", partitions)

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Behind the last record, of open transactions too."""
        return await self._offsets("end_offsets", partitions)

    async def _offsets(self, question: str, partitions: Iterable[int]) -> dict[int, int]:
        if self._consumer is None:
            raise TimeoutError("not connected")
        tps = [TopicPartition(self._topic, partition) for partition in partitions]
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await getattr(self._consumer, question)(tps)
        return {tp.partition: offset for tp, offset in answer.items()}

    def hint(self, offsets: Mapping[int, int]) -> None:
        self._hints |= {partition: offset for partition, offset in offsets.items() if offset >= 0}
        if self._hinting is None or self._hinting.done():
            self._hinting = asyncio.create_task(self._send_hints(), name="kafka-hints")

    async def _send_hints(self) -> None:
        """Wait a little, since newer ones replace these; then try once."""
        await asyncio.sleep(HINT_SECONDS)
        hints = {
            TopicPartition(self._topic, p): o for p, o in self._hints.items() if p in self._assigned
        }
        self._hints = {}
        if self._consumer is None or not hints:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._consumer.commit(hints)
        except Exception:  # it is only a hint
            self.hint_failures += 1

    async def stop(self) -> None:
        if self._hinting is not None:
            self._hinting.cancel()
        await self.close()

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        await stop(consumer)
