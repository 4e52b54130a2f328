"""Kafka as an input: one topic's partitions under our own leases, by assign and seek, and nothing skipped in silence.

Two clients: the reading one, and one for questions (where do partitions begin and end, how many are there) and hints,
since an answer on the reading one's connection would queue behind its long polls.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)

from healthsvc.flows.ports import Chunk, InputFault, InputStalled, OffsetOutOfRange, Reading
from healthsvc.telemetry import LOG_LAG, LogEvent

LOOK_SECONDS = 0.5  # between questions where the partitions end
ANSWER_SECONDS = 5.0  # how long a question may take
RECONNECT_SECONDS = 1.0
CONNECT_SECONDS = 10.0
PAUSE_SECONDS = 1.0  # between two reads: more says that the caller was busy elsewhere
REOPEN_SECONDS = 15.0  # how long questions may fail before their client is made anew
SHRUNK_LOOKS = 4  # an end below our offset may be a leader that catches up: believed after so many looks
HINT_SECONDS = 2.0
STALL_SECONDS = 30.0
STALL_RESTARTS = 3
NEW_PARTITIONS_SECONDS = 3.0
CLOSE_SECONDS = 4.0
MAX_PARTITION_FETCH_BYTES = 1024 * 1024  # 4 MiB brought nothing, and each partition may hold as much
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
            "ssl_context": ssl.create_default_context(cafile=self.ssl_cafile) if encrypted else None,
        }


def utc_now() -> datetime:
    return datetime.now(UTC)


class KafkaInput:
    """Reads the assigned partitions of `topic`, which is made with `partitions` partitions if it isn't there.

    Records of aborted transactions aren't read. While the brokers are away a read gives nothing. A partition may be
    assigned that the topic doesn't have (yet): it is read through, until it appears. `restarts` and `hint_failures` are
    counts.
    """

    name: Literal["kafka"] = "kafka"

    def __init__(
        self,
        *,
        bootstrap_servers: str,
        topic: str,
        partitions: int = 4,
        group: str = "healthsvc",
        security: KafkaSecurity | None = None,
        now: Callable[[], datetime] = utc_now,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self.restarts = 0
        self._topic = topic
        self._count = partitions
        self._now = now
        self._client = {
            "bootstrap_servers": bootstrap_servers,
            "client_id": "healthsvc",
            "request_timeout_ms": 10_000,
            **(security or KafkaSecurity()).arguments(),
        }
        self._questions = Questions(topic, group, self._client)
        self._reader: AIOKafkaConsumer | None = None
        self._offsets: dict[int, int] = {}  # next to read; -1: the beginning, not looked up yet
        self._absent: dict[int, int] = {}  # the same, where the topic isn't known to have it
        self._torn = False  # the reader is ahead of what was handed out
        self._ends: dict[int, tuple[int, datetime]] = {}  # end of a partition, and when it was that, at least
        self._read_through: dict[int, datetime] = {}
        self._shrunk: dict[int, int] = {}
        self._watch = Stalls(stall_seconds)
        self._away = False
        self._tried_at = self._read_at = float("-inf")
        self._connecting = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        # They repeat themselves each 100 ms while a broker is away; we say it once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    @property
    def hint_failures(self) -> int:
        return self._questions.hint_failures

    async def partitions(self) -> Sequence[int]:
        if not await self._connected():
            return []
        return sorted(self._questions.partitions())

    async def assign(self, offsets: Mapping[int, int]) -> None:
        before = self._offsets | self._absent
        gone = before.keys() - offsets.keys()
        changed = {partition for partition, offset in offsets.items() if before.get(partition) != offset}
        self._forget(gone, changed)
        dropped = bool(self._offsets.keys() & gone)
        self._absent = {p: offset for p, offset in offsets.items() if p not in self._offsets}
        self._offsets = {p: offset for p, offset in offsets.items() if p in self._offsets}
        if self._reader is None:
            return
        if dropped:
            self._subscribe()
        else:
            self._seek(changed & self._offsets.keys())

    def _forget(self, gone: set[int], changed: set[int]) -> None:
        for partition in gone:
            LOG_LAG.labels(self.name, str(partition)).set(0)
            self._ends.pop(partition, None)
            self._read_through.pop(partition, None)
        for partition in gone | changed:
            self._shrunk.pop(partition, None)
        self._watch.forget(gone | changed)

    async def read(self, max_records: int, timeout_seconds: float) -> Reading:
        deadline = time.monotonic() + timeout_seconds
        ready = await self._ready()
        if not ready or not self._offsets:
            await asyncio.sleep(max(0.0, min(deadline - time.monotonic(), RECONNECT_SECONDS)))
            return self._nothing(drained=ready or not (self._absent or self._offsets))
        self._raise_if_shrunk()
        if self._torn:
            self._seek(self._offsets)
        self._torn = True
        batches = await self._fetch(max_records, max(0.0, deadline - time.monotonic()))
        self._read_at = time.monotonic()
        return self._nothing(drained=False) if batches is None else self._reading(batches)

    def hint(self, offsets: Mapping[int, int]) -> None:
        self._questions.hint(offsets)

    async def close(self) -> None:
        self._closed = True
        reader, self._reader = self._reader, None
        if self._looking is not None:
            self._looking.cancel()
        await _stop(reader, self._questions)

    # Reading

    async def _fetch(self, max_records: int, seconds: float) -> dict[Any, list[Any]] | None:
        """Records by partition, or None when there was an error from which going on is safe."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(seconds + ANSWER_SECONDS):
                return await self._reader.getmany(  # type: ignore[no-any-return]
                    timeout_ms=int(seconds * 1000), max_records=max_records
                )
        except OffsetOutOfRangeError as error:
            await self._raise_if_out_of_range(partition.partition for partition in error.args[0])
        except RecordTooLargeError as error:
            raise InputFault(f"{self._topic}: a record is too large to be fetched: {error}") from error
        except TimeoutError:
            await self._restart("a read didn't return")
        except KafkaError as error:  # a checksum that doesn't match, no right to read: shown as lag without progress
            structlog.get_logger().error(LogEvent.LOG_UNREACHABLE, input=self.name, error=repr(error))
            await asyncio.sleep(min(seconds, RECONNECT_SECONDS))
        return None

    def _reading(self, batches: dict[Any, list[Any]]) -> Reading:
        """Nothing awaits from here to the reader's return: what was taken is handed out, or will be read again."""
        chunks = [self._chunk(partition, records) for (_, partition), records in batches.items()]
        chunks += self._empty_chunks({chunk.partition for chunk in chunks})
        for chunk in chunks:
            self._offsets[chunk.partition] = chunk.next
        self._torn = False
        for partition, (end, at) in self._ends.items():
            if self._offsets.get(partition, -1) >= end:
                self._read_through[partition] = max(at, self._read_through.get(partition, at))
        drained = all(offset >= self._known_end(partition) for partition, offset in self._offsets.items())
        return Reading(
            chunks=chunks,
            read_through=dict(self._read_through),
            drained=drained,
            waiting=0 if drained else self._waiting(),
        )

    def _chunk(self, partition: int, records: list[Any]) -> Chunk:
        first, last = records[0].offset, records[-1].offset
        headers = [record.headers for record in records]
        contiguous = last - first + 1 == len(records)
        return Chunk(
            partition=partition,
            values=[record.value or b"" for record in records],
            headers=headers if any(headers) else None,
            first=first,
            next=self._position(partition),
            positions=None if contiguous else [record.offset for record in records],
            logged_us=np.array([record.timestamp for record in records], dtype=np.int64) * 1000,
        )

    def _empty_chunks(self, given: set[int]) -> list[Chunk]:
        """Offsets that hold no record (markers of transactions, compacted batches) are passed as well."""
        return [
            Chunk(
                partition=partition,
                values=[],
                headers=None,
                first=offset,
                next=self._position(partition),
                positions=None,
                logged_us=np.empty(0, dtype=np.int64),
            )
            for partition, offset in self._offsets.items()
            if partition not in given and self._position(partition) > offset
        ]

    def _state(self, partition: int) -> Any:
        """The reader's own account: its public `position` is a coroutine, too dear for each chunk."""
        assert self._reader is not None
        return self._reader._subscription.subscription.assignment.state_value(TopicPartition(self._topic, partition))

    def _position(self, partition: int) -> int:
        return int(self._state(partition).position)

    def _known_end(self, partition: int) -> float:
        fetched, (asked, _) = self._state(partition).highwater, self._ends.get(partition, (None, None))
        known = [end for end in (fetched, asked) if end is not None]
        return max(known) if known else float("inf")

    def _waiting(self) -> int:
        """Records that may be read already: those of open transactions may not."""
        ends = {partition: self._state(partition).lso for partition in self._offsets}
        return sum(max(0, end - self._offsets[partition]) for partition, end in ends.items() if end is not None)

    def _nothing(self, *, drained: bool) -> Reading:
        return Reading(chunks=[], read_through=dict(self._read_through), drained=drained)

    def _seek(self, offsets: Iterable[int]) -> None:
        assert self._reader is not None
        for partition in offsets:
            if self._offsets[partition] >= 0:
                self._reader.seek(TopicPartition(self._topic, partition), self._offsets[partition])

    def _subscribe(self) -> None:
        """Give the reader all partitions whose offset is known; what it has buffered is fetched again."""
        assert self._reader is not None
        known = [partition for partition, offset in self._offsets.items() if offset >= 0]
        self._reader.assign([TopicPartition(self._topic, partition) for partition in known])
        self._seek(known)
        self._torn = False

    # Connections

    async def _ready(self) -> bool:
        """Connect, restart a reader that hangs, take in new partitions; False while the brokers are away."""
        if not (self._offsets or self._absent) or not await self._connected():
            return False
        if time.monotonic() - self._read_at > PAUSE_SECONDS:
            self._watch.forget(self._offsets)  # it was the caller who stood still
        if stalled := self._watch.stalled():
            if self._watch.restarts >= STALL_RESTARTS:
                raise InputStalled(topic=self._topic, lag=stalled, seconds=self._watch.seconds)
            self._watch.restarts += 1
            await self._restart(f"no record came for {self._watch.seconds:g} s, although {sum(stalled.values())} wait")
            return False
        return await self._admitted()

    async def _admitted(self) -> bool:
        """Take in partitions that the topic has by now, and find the beginnings of those never read."""
        if self._absent and (present := self._absent.keys() & self._questions.partitions()):
            self._offsets |= {partition: self._absent.pop(partition) for partition in present}
            self._subscribe()
        unknown = [partition for partition, offset in self._offsets.items() if offset < 0]
        if not unknown:
            return True
        try:
            beginnings = await self._questions.beginnings(unknown)
        except FAULTS as error:
            self._note_away(error)
            return False
        self._offsets |= {p: offset for p, offset in beginnings.items() if self._offsets.get(p) == -1}
        self._subscribe()
        return True

    async def _connected(self) -> bool:
        async with self._connecting:
            if self._reader is not None:
                return True
            if self._closed or time.monotonic() - self._tried_at < RECONNECT_SECONDS:
                return False
            self._tried_at = time.monotonic()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._connect()
            except FAULTS as error:
                self._note_away(error)
                return False
            self._note_back()
            return True

    async def _connect(self) -> None:
        if not self._questions.open:
            await ensure_topic(self._topic, self._count, self._client)
            await self._questions.start()
        self._reader = await self._start_reader()
        self._subscribe()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="kafka-ends")

    async def _start_reader(self) -> AIOKafkaConsumer:
        reader = AIOKafkaConsumer(
            **self._client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            check_crcs=True,
            max_partition_fetch_bytes=MAX_PARTITION_FETCH_BYTES,
            metadata_max_age_ms=30_000,
        )
        return await _start(reader)

    async def _restart(self, why: str) -> None:
        """The reader is cheap to make anew: what is handed out is known here."""
        self.restarts += 1
        structlog.get_logger().warning(LogEvent.LOG_READER_RESTARTED, input=self.name, reason=why)
        reader, self._reader = self._reader, None
        self._tried_at = float("-inf")
        await _stop(reader)

    def _note_away(self, error: BaseException) -> None:
        if not self._away:
            self._away = True
            structlog.get_logger().warning(LogEvent.LOG_UNREACHABLE, input=self.name, error=repr(error))

    def _note_back(self) -> None:
        if self._away:
            self._away = False
            structlog.get_logger().info(LogEvent.LOG_UNREACHABLE, input=self.name, over=True)

    # Where the partitions end: lag, read_through, stalls, topics made anew

    async def _look(self) -> None:
        failing_since: float | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not (self._offsets or self._absent):
                continue
            try:
                await self._look_once()
                self._note_back()
                failing_since = None
            except Exception as error:  # whatever it was: without these looks nothing is known to be read through
                self._note_away(error)
                self._watch.forget(self._offsets)
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > REOPEN_SECONDS:
                    failing_since = None
                    await self._questions.close()

    async def _look_once(self) -> None:
        if not self._questions.open:
            await self._questions.start()
            self._note_vanished(self._offsets.keys() - self._questions.partitions())
        at = self._now()
        if self._absent:
            await self._questions.refresh()
            self._read_through |= dict.fromkeys(self._absent.keys() - self._questions.partitions(), at)
        asked = {partition: offset for partition, offset in self._offsets.items() if offset >= 0}
        for partition, end in (await self._questions.ends(asked)).items():
            if partition in self._offsets:
                self._note_end(partition, end, at, asked[partition])

    def _note_vanished(self, partitions: set[int]) -> None:
        """A topic never loses a partition: it was made anew with fewer."""
        for partition in partitions:
            self._ends[partition] = (0, self._now())
            self._shrunk[partition] = SHRUNK_LOOKS

    def _note_end(self, partition: int, end: int, at: datetime, asked_from: int) -> None:
        offset = self._offsets[partition]
        self._shrunk[partition] = self._shrunk.get(partition, 0) + 1 if end < asked_from else 0
        known = self._ends.get(partition)
        if known is None or offset >= known[0] or end < asked_from:  # under load: reach the end of a moment ago first
            self._ends[partition] = (end, at)
        LOG_LAG.labels(self.name, str(partition)).set(max(0, end - offset))
        self._watch.note(partition, offset, end, self._waits_for_a_transaction(partition))

    def _waits_for_a_transaction(self, partition: int) -> bool:
        """Records beyond the last stable offset wait for their producer; told by an answer that isn't old."""
        if self._reader is None:
            return False
        state = self._state(partition)
        if state is None or state.lso is None or state.timestamp is None or not state.has_valid_position:
            return False
        fresh = time.time() - state.timestamp / 1000 < self._watch.seconds / 2
        return bool(fresh and state.position >= state.lso)

    def _raise_if_shrunk(self) -> None:
        for partition, looks in self._shrunk.items():
            if looks >= SHRUNK_LOOKS:
                end, _ = self._ends[partition]
                raise OffsetOutOfRange(
                    topic=self._topic, partition=partition, ours=self._offsets[partition], begin=0, end=end
                )

    async def _raise_if_out_of_range(self, partitions: Iterable[int]) -> None:
        wanted = [partition for partition in partitions if partition in self._offsets]
        try:
            beginnings, ends = await self._questions.beginnings(wanted), await self._questions.ends(wanted)
        except FAULTS as error:
            self._note_away(error)
            return
        await asyncio.sleep(LOOK_SECONDS)
        for partition in wanted:
            ours, begin, end = self._offsets[partition], beginnings[partition], ends[partition]
            if not begin <= ours <= end:
                raise OffsetOutOfRange(topic=self._topic, partition=partition, ours=ours, begin=begin, end=end)


class Stalls:
    """Watches that partitions with waiting records make progress while they are being read."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.restarts = 0
        self._since: dict[int, tuple[int, float]] = {}  # offset, and since when it stands there while records wait
        self._lag: dict[int, int] = {}

    def note(self, partition: int, offset: int, end: int, excused: bool) -> None:
        stands_at, _ = self._since.get(partition, (-1, 0.0))
        if offset != stands_at and stands_at >= 0:
            self.restarts = 0
        if offset >= end or excused:
            self._since.pop(partition, None)
        elif offset != stands_at:
            self._since[partition] = (offset, time.monotonic())
        self._lag[partition] = end - offset

    def forget(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._since.pop(partition, None)

    def stalled(self) -> dict[int, int]:
        """The lag of those that stand still for too long; asking again is counted anew."""
        limit = time.monotonic() - self.seconds
        late = {partition: self._lag[partition] for partition, (_, since) in self._since.items() if since < limit}
        if late:
            self._since.clear()
        return late


class Questions:
    """The second client: asks where partitions begin and end and how many there are; commits hints under a group id."""

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

    async def start(self) -> None:
        """Raises one of FAULTS."""
        known = await _describe(self._topic, self._client)
        consumer = AIOKafkaConsumer(
            **self._client,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            metadata_max_age_ms=int(NEW_PARTITIONS_SECONDS * 1000),
        )
        self._consumer = await _start(consumer)
        self._adopt(known)

    def partitions(self) -> set[int]:
        """What there is by the last metadata, which is never much older than NEW_PARTITIONS_SECONDS."""
        if self._consumer is not None:
            known = self._consumer.partitions_for_topic(self._topic) or set()
            if not known <= self._assigned:
                self._adopt(known | self._assigned)
        return set(self._assigned)

    def _adopt(self, partitions: set[int]) -> None:
        """To commit for a partition one must be assigned it; paused from the start, so that nothing is fetched."""
        assert self._consumer is not None
        tps = [TopicPartition(self._topic, partition) for partition in partitions]
        self._consumer.assign(tps)
        for tp in tps:
            self._consumer.seek(tp, 0)
        self._consumer.pause(*tps)
        self._assigned = set(partitions)

    async def refresh(self) -> None:
        """Ask for the topic's partitions now. Raises one of FAULTS."""
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
        hints = {TopicPartition(self._topic, p): o for p, o in self._hints.items() if p in self._assigned}
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
        await _stop(consumer)


async def ensure_topic(topic: str, partitions: int, client: Mapping[str, Any]) -> None:
    """Create the topic with the brokers' default replication, unless it is there. Raises one of FAULTS."""
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        if topic in await admin.list_topics():
            return
        new = NewTopic(topic, num_partitions=partitions, replication_factor=-1, replica_assignments={})
        answer = await admin.create_topics([new])
        for _, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error(f"can't create topic {topic}")
    finally:
        await admin.close()


async def _describe(topic: str, client: Mapping[str, Any]) -> set[int]:
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        (found,) = await admin.describe_topics([topic])
        if not found["partitions"]:
            raise TimeoutError(f"topic {topic} has no partitions yet")
        return {partition["partition"] for partition in found["partitions"]}
    finally:
        await admin.close()


async def _start(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    try:
        await consumer.start()
    except BaseException:
        await _stop(consumer)
        raise
    return consumer


async def _stop(*consumers: Any) -> None:
    """Stop them, for CLOSE_SECONDS at most: a client that hangs must not keep the process."""
    stopping = [asyncio.ensure_future(consumer.stop()) for consumer in consumers if consumer is not None]
    if not stopping:
        return
    done, late = await asyncio.wait(stopping, timeout=CLOSE_SECONDS)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            structlog.get_logger().debug(LogEvent.LOG_READER_RESTARTED, error=repr(task.exception()))
