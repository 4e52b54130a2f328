"""The reading client: a consumer without a group that reads from given offsets; its caller keeps
the offsets."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from healthsvc.log.kafka.client import start, stop
from healthsvc.log.kafka.codecs import bound_aiokafka

MAX_PARTITION_FETCH_BYTES = (
    4 * 1024 * 1024
)  # so much may wait in memory for each partition with a backlog


class KafkaReader:
    """Fetches the assigned partitions of one topic. Records of aborted transactions aren't read."""

    def __init__(self, topic: str, consumer: AIOKafkaConsumer) -> None:
        self._topic = topic
        self._consumer = consumer

    @classmethod
    async def started(cls, topic: str, client: Mapping[str, Any]) -> "KafkaReader":
        """Raises one of FAULTS."""
        bound_aiokafka()
        consumer = AIOKafkaConsumer(
            **client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            check_crcs=True,
            max_partition_fetch_bytes=MAX_PARTITION_FETCH_BYTES,
            metadata_max_age_ms=30_000,
        )
        return cls(topic, await start(consumer))

    def assign(self, offsets: Mapping[int, int]) -> None:
        """These partitions, from these offsets on; what is buffered is fetched again."""
        self._consumer.assign([TopicPartition(self._topic, partition) for partition in offsets])
        self.seek(offsets)

    def seek(self, offsets: Mapping[int, int]) -> None:
        for partition, offset in offsets.items():
            self._consumer.seek(TopicPartition(self._topic, partition), offset)

    def pause(self, partitions: Iterable[int]) -> None:
        """Have none of these fetched until `resume`."""
        self._consumer.pause(*[TopicPartition(self._topic, partition) for partition in partitions])

    def resume(self, partitions: Iterable[int]) -> None:
        self._consumer.resume(*[TopicPartition(self._topic, partition) for partition in partitions])

    def note_answer(self, partition: int, highwater: int, stable_end: int) -> None:
        """Note where a partition ends, from a fetch by another client."""
        state = self._state(partition)
        state.highwater, state.lso, state.timestamp = highwater, stable_end, int(time.time() * 1000)

    async def fetch(self, max_records: int, seconds: float) -> dict[int, list[Any]]:
        """Records by partition: of what a record has, `offset`, `timestamp`, `value` and `headers`
        can be relied on. Raises a KafkaError."""
        batches = await self._getmany(0, max_records)
        if not batches:
            batches = await self._getmany(
                seconds, 1
            )  # only waits: what it takes is copied, the rest isn't
            if batches and max_records > 1:
                for partition, records in (await self._getmany(0, max_records - 1)).items():
                    batches.setdefault(partition, []).extend(records)
        return batches

    async def _getmany(self, seconds: float, most: int) -> dict[int, list[Any]]:
        self._hand_out_as_parsed()
        batches = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=most)
        return {partition: records for (_, partition), records in batches.items()}

    def _hand_out_as_parsed(self) -> None:
        """Have what is buffered given as it was parsed: aiokafka would copy each record into one of
        its public kind, which takes as long as parsing it. Should it have changed within, it just
        goes on copying."""
        for fetched in getattr(self._consumer._fetcher, "_records", {}).values():
            unpacking = getattr(fetched, "_partition_records", None)
            if unpacking is not None:
                unpacking._consumer_record = _as_parsed

    def position(self, partition: int) -> int:
        return int(self._state(partition).position)

    def highwater(self, partition: int) -> int | None:
        """The partition's end, as of the last fetch."""
        end: int | None = self._state(partition).highwater
        return end

    def stable_end(self, partition: int) -> int | None:
        """Up to where records may be read, as of the last fetch: those of open transactions
        wait."""
        end: int | None = self._state(partition).lso
        return end

    def waits_for_a_transaction(self, partition: int, within_seconds: float) -> bool:
        """Whether records beyond the last stable offset wait for their producer, by an answer no
        older than that."""
        state = self._state(partition)
        if (
            state is None
            or state.lso is None
            or state.timestamp is None
            or not state.has_valid_position
        ):
            return False
        fresh = time.time() - state.timestamp / 1000 < within_seconds
        return bool(fresh and state.position >= state.lso)

    async def stop(self) -> None:
        await stop(self._consumer)

    def _state(self, partition: int) -> Any:
        """The consumer's own account: its public `position` is a coroutine, too dear for each
        chunk."""
        return self._consumer._subscription.subscription.assignment.state_value(
            TopicPartition(self._topic, partition)
        )


def _as_parsed(_: TopicPartition, record: Any) -> Any:
    return record
