"""Kafka as an input: one topic, its partitions under our own leases, by assign and seek; nothing
skipped in silence."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal

import numpy as np
import structlog
from aiokafka.errors import OffsetOutOfRangeError

from healthsvc.flows.processing.ports import (
    Chunk,
    InputReading,
    InputStalled,
    OffsetOutOfRange,
    Unreadable,
)
from healthsvc.flows.readiness.progress import InputProgress
from healthsvc.log.kafka.careful import Careful, CarefulReader
from healthsvc.log.kafka.client import ANSWER_SECONDS, FAULTS, KafkaSecurity, ensure_topic, stop
from healthsvc.log.kafka.ends import Ends
from healthsvc.log.kafka.questions import Questions
from healthsvc.log.kafka.reader import KafkaReader
from healthsvc.log.kafka.stalls import Stalls
from healthsvc.log.kafka.times import logged_us
from healthsvc.telemetry import LogEvent

LOOK_SECONDS = 0.5  # between questions where the partitions end
RECONNECT_SECONDS = 1.0
CONNECT_SECONDS = 10.0
PAUSE_SECONDS = 1.0  # between two reads: more says that the caller was busy elsewhere
REOPEN_SECONDS = 15.0  # how long questions may fail before their client is made anew
STALL_SECONDS = 30.0
STALL_RESTARTS = 3
CAREFUL_SECONDS = 5.0
"""How long all is read batch by batch after something that aiokafka couldn't parse: there may be
more of it."""
_VALUE, _HEADERS = attrgetter("value"), attrgetter("headers")


def utc_now() -> datetime:
    return datetime.now(UTC)


class KafkaInput:
    """Reads the assigned partitions of `topic`, which is made with `partitions` partitions if it
    isn't there.

    Records of aborted transactions aren't read. While the brokers are away a read gives nothing. A
    partition may be assigned that the topic doesn't have (yet): it is read through, until it
    appears. `restarts` and `hint_failures` are counts.
    """

    name: Literal["kafka"] = "kafka"

    def __init__(  # noqa: PLR0913  # the composition root gives each part
        self,
        *,
        bootstrap_servers: str,
        topic: str,
        partitions: int = 4,
        group: str = "healthsvc",
        security: KafkaSecurity | None = None,
        now: Callable[[], datetime] = utc_now,
        stall_seconds: float = STALL_SECONDS,
        progress: InputProgress | None = None,
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
        self._reader: KafkaReader | None = None
        self._offsets: dict[int, int] = {}  # next to read; -1: the beginning, not looked up yet
        self._absent: dict[int, int] = {}  # the same, where the topic isn't known to have it
        self._torn = False  # the reader is ahead of what was handed out
        self._careful = CarefulReader(topic)
        self._careful_until: float | None = None  # while it is set, the reader is paused
        self._behind = False  # the last read went past the paused reader
        self._ends = Ends(topic)
        self._watch = Stalls(stall_seconds)
        self._progress = progress or InputProgress(metrics=False)
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
        removed = before.keys() - offsets.keys()
        changed = {
            partition for partition, offset in offsets.items() if before.get(partition) != offset
        }
        self._forget(removed)
        self._ends.forget_looks(changed)
        self._watch.forget(removed | changed)
        dropped = bool(self._offsets.keys() & removed)
        self._absent = {p: offset for p, offset in offsets.items() if p not in self._offsets}
        self._offsets = {p: offset for p, offset in offsets.items() if p in self._offsets}
        if self._reader is None:
            return
        if dropped:
            self._subscribe()
        else:
            self._seek(changed & self._offsets.keys())

    def _forget(self, partitions: set[int]) -> None:
        self._ends.forget(partitions)

    async def read(self, max_records: int, timeout_seconds: float) -> InputReading:
        deadline = time.monotonic() + timeout_seconds
        ready = await self._ready()
        if not ready or not self._offsets:
            await asyncio.sleep(max(0.0, min(deadline - time.monotonic(), RECONNECT_SECONDS)))
            return self._nothing(drained=ready or not (self._absent or self._offsets))
        self._ends.raise_if_shrunk(self._offsets)
        if self._torn:
            self._seek(self._offsets)
        self._torn = True
        remaining = max(0.0, deadline - time.monotonic())
        fetch = self._fetch if self._careful_until is None else self._fetch_carefully
        chunks = await fetch(max_records, remaining)
        self._read_at = time.monotonic()
        return self._nothing(drained=False) if chunks is None else self._reading(chunks)

    def hint(self, offsets: Mapping[int, int]) -> None:
        self._questions.hint(offsets)

    async def close(self) -> None:
        self._closed = True
        reader, self._reader = self._reader, None
        if self._looking is not None:
            self._looking.cancel()
        await stop(reader, self._questions)

    # Reading

    async def _fetch(self, max_records: int, seconds: float) -> list[Chunk] | None:
        """Chunks of records, or None when there was an error from which going on is safe."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(seconds + ANSWER_SECONDS):
                batches = await self._reader.fetch(max_records, seconds)
                self._behind = False
        except OffsetOutOfRangeError as error:
            await self._raise_if_out_of_range(partition.partition for partition in error.args[0])
        except TimeoutError:
            await self._restart("a read didn't return")
        except Exception as error:  # whatever aiokafka makes of a record that it can't parse
            structlog.get_logger().warning(
                LogEvent.LOG_READ_CAREFULLY, input=self.name, error=repr(error)
            )
            return await self._begin_carefully(max_records, seconds)
        else:
            return [
                self._chunk(partition, records, self._position(partition))
                for partition, records in batches.items()
            ]
        return None

    async def _begin_carefully(self, max_records: int, seconds: float) -> list[Chunk] | None:
        assert self._reader is not None
        self._reader.pause(self._assigned())
        self._careful_until = time.monotonic() + CAREFUL_SECONDS
        return await self._fetch_carefully(max_records, seconds)

    async def _fetch_carefully(self, max_records: int, seconds: float) -> list[Chunk] | None:
        """The same as `_fetch`, batch by batch, by our own requests."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(seconds + ANSWER_SECONDS):
                self._behind = True
                answers = await self._careful.fetch(
                    self._questions.client, self._assigned(), max_records, seconds
                )
        except OffsetOutOfRangeError as error:
            self._end_carefully()
            await self._raise_if_out_of_range(partition.partition for partition in error.args[0])
        except TimeoutError:
            await self._restart("a read didn't return")
        except Exception as error:  # no right to read, say: shown as lag without progress
            structlog.get_logger().error(
                LogEvent.LOG_UNREACHABLE, input=self.name, error=repr(error)
            )
            self._end_carefully()
            await asyncio.sleep(min(seconds, RECONNECT_SECONDS))
        else:
            return self._careful_chunks(answers)
        return None

    def _careful_chunks(self, answers: Mapping[int, Careful]) -> list[Chunk]:
        chunks = []
        for partition, each in answers.items():
            if partition not in self._offsets or self._reader is None:
                continue
            self._reader.note_answer(partition, each.highwater, each.stable_end)
            answer = each.answer
            if answer.next > self._offsets[partition]:
                chunks.append(
                    self._chunk(partition, answer.records, answer.next, answer.unreadable)
                )
            if answer.odd:
                self._careful_until = time.monotonic() + CAREFUL_SECONDS
        if self._careful_until is not None and time.monotonic() > self._careful_until:
            self._end_carefully()
        return chunks

    def _end_carefully(self) -> None:
        """Let aiokafka's consumer read again, from what is handed out by then."""
        self._careful_until = None
        if self._reader is not None:
            self._reader.resume(self._assigned())

    def _assigned(self) -> dict[int, int]:
        """Offsets of the partitions that the reader knows."""
        return {partition: offset for partition, offset in self._offsets.items() if offset >= 0}

    def _reading(self, chunks: list[Chunk]) -> InputReading:
        """Nothing awaits from here to the reader's return: what was taken is handed out, or will be
        read again."""
        if not self._behind:
            chunks += self._empty_chunks({chunk.partition for chunk in chunks})
        for chunk in chunks:
            self._offsets[chunk.partition] = chunk.next
        self._torn = self._behind
        self._ends.note_read(self._offsets)
        drained = all(
            offset >= self._known_end(partition) for partition, offset in self._offsets.items()
        )
        waiting = 0 if drained else sum(self._waiting(partition) for partition in self._offsets)
        return InputReading(
            chunks=chunks,
            read_through=dict(self._ends.read_through),
            drained=drained,
            waiting=waiting,
        )

    def _chunk(
        self, partition: int, records: list[Any], behind: int, unreadable: Sequence[Unreadable] = ()
    ) -> Chunk:
        first = records[0].offset if records else self._offsets[partition]
        values, headers = list(map(_VALUE, records)), list(map(_HEADERS, records))
        contiguous = not records or records[-1].offset - first + 1 == len(records)
        return Chunk(
            partition=partition,
            values=[value or b"" for value in values] if None in values else values,
            headers=headers if any(headers) else None,
            first=first,
            next=behind,
            positions=None if contiguous else [record.offset for record in records],
            logged_us=logged_us(records, self._now()),
            unreadable=unreadable,
        )

    def _empty_chunks(self, with_records: set[int]) -> list[Chunk]:
        """Offsets that hold no record (markers of transactions, compacted batches) are passed as
        well."""
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
            if partition not in with_records and self._position(partition) > offset
        ]

    def _position(self, partition: int) -> int:
        assert self._reader is not None
        return self._reader.position(partition)

    def _known_end(self, partition: int) -> float:
        assert self._reader is not None
        ends = (self._reader.highwater(partition), self._ends.end(partition))
        return max((end for end in ends if end is not None), default=float("inf"))

    def _waiting(self, partition: int) -> int:
        assert self._reader is not None
        end = self._reader.stable_end(partition)
        return 0 if end is None else max(0, end - self._offsets[partition])

    def _nothing(self, *, drained: bool) -> InputReading:
        return InputReading(chunks=[], read_through=dict(self._ends.read_through), drained=drained)

    def _seek(self, partitions: Iterable[int]) -> None:
        assert self._reader is not None
        self._reader.seek({p: self._offsets[p] for p in partitions if self._offsets[p] >= 0})

    def _subscribe(self) -> None:
        """Give the reader all partitions whose offset is known; what it has buffered is fetched
        again."""
        assert self._reader is not None
        self._reader.assign(self._assigned())
        if self._careful_until is not None:
            self._reader.pause(self._assigned())
        self._torn = False

    # Connections

    async def _ready(self) -> bool:
        """Connect, restart a reader that hangs, take in new partitions; False while the brokers are
        away."""
        if not (self._offsets or self._absent) or not await self._connected():
            return False
        if time.monotonic() - self._read_at > PAUSE_SECONDS:
            self._watch.forget(self._offsets)  # it was the caller who stood still
        if stalled := self._watch.stalled():
            if self._watch.restarts >= STALL_RESTARTS:
                raise InputStalled(topic=self._topic, lag=stalled, seconds=self._watch.seconds)
            self._watch.restarts += 1
            await self._restart(
                f"no record came for {self._watch.seconds:g} s, although {sum(stalled.values())}"
                " wait"
            )
            return False
        return await self._admitted()

    async def _admitted(self) -> bool:
        """Take in partitions that the topic has by now, and find the beginnings of those never
        read."""
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
        self._offsets |= {
            p: offset for p, offset in beginnings.items() if self._offsets.get(p) == -1
        }
        self._progress.begins(self.name, beginnings)
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

    async def _start_reader(self) -> KafkaReader:
        return await KafkaReader.started(self._topic, self._client)

    async def _restart(self, why: str) -> None:
        """The reader is cheap to make anew: what is handed out is known here."""
        self.restarts += 1
        structlog.get_logger().warning(LogEvent.LOG_READER_RESTARTED, input=self.name, reason=why)
        reader, self._reader = self._reader, None
        self._tried_at = float("-inf")
        await stop(reader)

    def _note_away(self, error: BaseException) -> None:
        self._progress.away(self.name, repr(error))
        if not self._away:
            self._away = True
            structlog.get_logger().warning(
                LogEvent.LOG_UNREACHABLE, input=self.name, error=repr(error)
            )

    def _note_back(self) -> None:
        self._progress.back(self.name)
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
            except (
                Exception
            ) as error:  # whatever it was: without these looks nothing is known to be read through
                self._note_away(error)
                self._watch.forget(self._offsets)
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > REOPEN_SECONDS:
                    failing_since = None
                    await self._questions.close()

    async def _look_once(self) -> None:
        if not self._questions.open:
            await self._questions.start()
            self._ends.note_vanished(
                self._offsets.keys() - self._questions.partitions(), self._now()
            )
        at = self._now()
        if self._absent:
            await self._questions.refresh()
            self._ends.note_absent(self._absent.keys() - self._questions.partitions(), at)
        offsets = {partition: offset for partition, offset in self._offsets.items() if offset >= 0}
        ends = await self._questions.ends(offsets)
        for partition, end in ends.items():
            if partition in self._offsets:
                self._note_end(partition, end, at, offsets[partition])
        waiting = {
            p: self._offsets[p]
            for p in ends
            if p in self._offsets and self._waits_for_a_transaction(p)
        }
        self._progress.ends(self.name, ends, readable=waiting)

    def _note_end(self, partition: int, end: int, at: datetime, asked_from: int) -> None:
        offset = self._offsets[partition]
        self._ends.note(partition, end, at, asked_from=asked_from, offset=offset)
        self._watch.note(partition, offset, end, self._waits_for_a_transaction(partition))

    def _waits_for_a_transaction(self, partition: int) -> bool:
        return self._reader is not None and self._reader.waits_for_a_transaction(
            partition, self._watch.seconds / 2
        )

    async def _raise_if_out_of_range(self, partitions: Iterable[int]) -> None:
        assigned = [partition for partition in partitions if partition in self._offsets]
        try:
            beginnings, ends = (
                await self._questions.beginnings(assigned),
                await self._questions.ends(assigned),
            )
        except FAULTS as error:
            self._note_away(error)
            return
        await asyncio.sleep(LOOK_SECONDS)
        for partition in assigned:
            ours, begin, end = self._offsets[partition], beginnings[partition], ends[partition]
            if not begin <= ours <= end:
                raise OffsetOutOfRange(
                    topic=self._topic, partition=partition, ours=ours, begin=begin, end=end
                )
