"""Reads partitions batch by batch with requests of its own, where aiokafka's consumer stumbled over
a record."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import (
    NoError,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest

from healthsvc.log.kafka import batches
from healthsvc.log.kafka.batches import FetchedRecords

PARTITION_BYTES: Final = 1 << 20
"""Asked for of each partition at once; a batch that is larger comes alone."""
LARGEST_BATCH_BYTES: Final = 256 << 20
"""A larger batch isn't asked for."""
READ_COMMITTED: Final = 1
_MOVED = (NotLeaderForPartitionError, UnknownTopicOrPartitionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Careful:
    """What was read of one partition, and where it ended then."""

    answer: FetchedRecords
    highwater: int
    stable_end: int


class CarefulReader:
    """Reads from given offsets; keeps nothing between two reads but the turn of the partitions."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._client: Any = None
        self._turn = 0

    async def fetch(
        self, client: Any, offsets: Mapping[int, int], max_records: int, seconds: float
    ) -> dict[int, Careful]:
        """Read these partitions once, each from its offset. Raises a KafkaError."""
        self._client = client
        self._turn += 1
        share = max(1, max_records // max(1, len(offsets)))
        by_leader: dict[int, dict[int, int]] = defaultdict(dict)
        for partition in islice(cycle(sorted(offsets)), self._turn, self._turn + len(offsets)):
            leader = self._client.cluster.leader_for_partition(
                TopicPartition(self._topic, partition)
            )
            if leader is None or leader < 0:
                self._client.force_metadata_update()
            else:
                by_leader[leader][partition] = offsets[partition]
        if not by_leader:
            await asyncio.sleep(min(seconds, 0.1))
            return {}
        requests = [
            self._ask(leader, partitions, PARTITION_BYTES, seconds)
            for leader, partitions in by_leader.items()
        ]
        parsed: dict[int, Careful] = {}
        for answers in await asyncio.gather(*requests):
            for partition, answer in answers.items():
                parsed[partition] = await self._parsed(partition, offsets[partition], answer, share)
        return parsed

    async def _ask(
        self, leader: int, offsets: Mapping[int, int], most: int, seconds: float
    ) -> dict[int, Any]:
        """The answer's fields by partition, without those that moved elsewhere."""
        positions = [(partition, offset, most) for partition, offset in offsets.items()]
        request = FetchRequest(
            int(seconds * 1000), 1, LARGEST_BATCH_BYTES, READ_COMMITTED, [(self._topic, positions)]
        )
        response = await self._client.send(leader, request)
        fields: dict[int, Any] = {}
        for _, partitions in response.topics:
            for partition, code, *rest in partitions:
                error = for_code(code)
                if error is NoError:
                    fields[partition] = (leader, *rest)
                elif error in _MOVED:
                    self._client.force_metadata_update()
                elif error is OffsetOutOfRangeError:
                    raise OffsetOutOfRangeError(
                        {TopicPartition(self._topic, partition): offsets[partition]}
                    )
                else:
                    raise error(f"{self._topic}[{partition}]")
        return fields

    async def _parsed(self, partition: int, offset: int, fields: Any, max_records: int) -> Careful:
        leader, highwater, stable_end, *rest = fields
        data, aborted = bytes(rest[-1] or b""), aborted_of(rest)
        if data and not any(True for _ in batches.split(data)):
            answer = await self._large(leader, partition, offset, data, highwater, max_records)
        else:
            answer = await asyncio.to_thread(
                batches.read, data, offset, aborted, highwater, max_records
            )
        return Careful(answer=answer, highwater=highwater, stable_end=stable_end)

    async def _large(
        self,
        leader: int,
        partition: int,
        offset: int,
        data: bytes,
        highwater: int,
        max_records: int,
    ) -> FetchedRecords:
        """A batch of which only the beginning arrived: fetched alone, or set aside."""
        size = batches.size_of(data)
        if len(data) < size <= LARGEST_BATCH_BYTES:
            fields = (await self._ask(leader, {partition: offset}, size, 0.0)).get(partition)
            if fields is None:
                return FetchedRecords(offset)
            whole = bytes(fields[-1] or b"")
            if any(True for _ in batches.split(whole)):
                aborted = aborted_of(fields[3:])
                return await asyncio.to_thread(
                    batches.read, whole, offset, aborted, highwater, max_records
                )
        return batches.beyond(data, offset, highwater, size)


def aborted_of(rest: Any) -> list[tuple[int, int]]:
    """The aborted transactions of a partition's answer, behind its two ends: [log start,] aborted,
    [replica,] data."""
    listed = next((each for each in rest[:-1] if isinstance(each, list)), None)
    return [(producer, first) for producer, first in listed or ()]
