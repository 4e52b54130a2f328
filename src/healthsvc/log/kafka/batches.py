"""Kafka's record batches, read record by record: for those that aiokafka can't parse.

The formats are those of Kafka's documentation ("Record Batch", "Record", "Message sets"): magic 2,
and the older 0 and 1. Whatever can't be read is given back as `Unreadable`, with its offsets and
bytes; nothing raises for content.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from healthsvc.flows.processing.ports import Header, Unreadable
from healthsvc.log.kafka.codecs import DECODERS

LARGEST_BYTES: Final = 64 * 1024
"""Of what can't be read, so many bytes are given back."""
OVERHEAD: Final = 12
"""Bytes of a batch before those that its length counts."""
_LEAD = struct.Struct(">qiib")  # base offset, length, leader epoch (or CRC), magic
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LEGACY = (struct.Struct(">qiIbb"), struct.Struct(">qiIbbq"))
_CRC_FROM = {0: 16, 1: 16, 2: 21}
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_INT64 = 2**63
_FAULTS = (ValueError, IndexError, struct.error, MemoryError, OverflowError)


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """What is needed of a record, by the names that aiokafka's records have too."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: Sequence[Header]
    """Names that aren't UTF-8 hold the odd bytes as lone surrogates (surrogateescape)."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """One batch of a fetch answer: its header and its bytes."""

    data: memoryview
    base: int
    magic: int
    attributes: int = 0
    last_delta: int = 0
    first_timestamp: int = 0
    max_timestamp: int = 0
    producer: int = -1
    count: int = 0

    @property
    def next(self) -> int:
        """The offset behind the batch, from its header."""
        return self.base + max(0, self.last_delta) + 1

    @property
    def is_control(self) -> bool:
        return self.magic == 2 and bool(self.attributes & _CONTROL)

    @property
    def is_transactional(self) -> bool:
        return self.magic == 2 and bool(self.attributes & _TRANSACTIONAL)


@dataclass(slots=True)
class FetchedRecords:
    """What was read of a partition: records in order, what couldn't be read, and the offset to go
    on from."""

    next: int
    records: list[Any] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    odd: bool = False
    """Whether aiokafka couldn't parse all of it."""


def split(data: bytes) -> Iterator[RecordBatch]:
    """The whole batches of a fetch answer; its end may be cut off."""
    at, view = 0, memoryview(data)
    while len(data) - at > OVERHEAD + 5:
        _, length, _, _ = _LEAD.unpack_from(data, at)
        end = at + OVERHEAD + length
        if length < 5 or end > len(data):
            return
        yield batch_of(view[at:end])
        at = end


def batch_of(data: memoryview) -> RecordBatch:
    base, _, _, magic = _LEAD.unpack_from(data)
    if magic == 2 and len(data) >= _HEADER.size:
        (_, _, _, _, _, attributes, last_delta, first, newest, producer, _, _, count) = (
            _HEADER.unpack_from(data)
        )
        return RecordBatch(
            data, base, magic, attributes, last_delta, first, newest, producer, count
        )
    if magic in (0, 1) and len(data) >= _LEGACY[magic].size:
        lead = _LEGACY[magic].unpack_from(data)
        timestamp = lead[5] if magic else -1
        return RecordBatch(data, base, magic, lead[4], 0, timestamp, timestamp)
    return RecordBatch(data, base, magic)


def read(
    data: bytes, offset: int, aborted: Iterable[tuple[int, int]], end: int, max_records: int
) -> FetchedRecords:
    """Read a fetch answer from `offset` on, up to `max_records`.

    aborted: transactions of the answer that were aborted, as (producer, first offset); end: of the
    partition.
    """
    answer = FetchedRecords(offset)
    transactions = _Aborted(aborted)
    batches = list(split(data))
    for batch, following in zip_longest(batches, batches[1:]):
        behind = _behind(batch, following, answer.next, end)
        if behind <= answer.next:
            continue
        whole = _is_whole(batch)
        if not whole or not (transactions.hide(batch) or batch.is_control):
            _read_batch(batch, whole, answer, behind, max_records)
            if len(answer.records) >= max_records:
                break
        answer.next = max(answer.next, behind)
    return answer


def _behind(batch: RecordBatch, following: RecordBatch | None, offset: int, end: int) -> int:
    """The offset behind a batch. A broken header may say anything: the next batch knows better, and
    the end."""
    if following is not None and following.base > batch.base:
        return min(batch.next, following.base) if _is_whole(batch) else following.base
    if _is_whole(batch):
        return batch.next
    return max(min(batch.next, end), offset + 1)


def _is_whole(batch: RecordBatch) -> bool:
    start = _CRC_FROM.get(batch.magic)
    least = _HEADER.size if batch.magic == 2 else _LEGACY[0].size
    if start is None or batch.last_delta < 0 or len(batch.data) < least:
        return False
    body = batch.data[start:]
    (crc,) = struct.unpack_from(">I", batch.data, 17 if batch.magic == 2 else 12)
    return bool(crc == (calc_crc32c(body.tobytes()) if batch.magic == 2 else zlib.crc32(body)))


class _Aborted:
    """Which producers' transactions are aborted at this place of the log."""

    def __init__(self, aborted: Iterable[tuple[int, int]]) -> None:
        self._ahead = sorted(aborted, key=lambda each: each[1])
        self._producers: set[int] = set()

    def hide(self, batch: RecordBatch) -> bool:
        """Whether the batch belongs to an aborted transaction; call it for each batch in order."""
        if batch.magic != 2:
            return False
        while self._ahead and self._ahead[0][1] <= batch.base:
            self._producers.add(self._ahead.pop(0)[0])
        if batch.is_control and _ends_in_abort(batch):
            self._producers.discard(batch.producer)
        return batch.is_transactional and batch.producer in self._producers


def _ends_in_abort(batch: RecordBatch) -> bool:
    try:
        _, at = _varint(batch.data, _HEADER.size)
        at += 1
        for _ in range(2):
            _, at = _varint(batch.data, at)
        key, _ = _bytes(batch.data, at)
        return key is not None and struct.unpack_from(">hh", key)[1] == 0
    except _FAULTS:
        return False


def _read_batch(
    batch: RecordBatch, whole: bool, answer: FetchedRecords, behind: int, most: int
) -> None:
    """Add a batch's records from the answer's offset on: by aiokafka's parser where it can, else by
    ours."""
    try:
        if not whole:
            raise ValueError(
                "the checksum doesn't match" if batch.magic in _CRC_FROM else "unknown format"
            )
        parsed = MemoryRecords(batch.data.tobytes()).next_batch()
        remaining = most - len(answer.records)
        start = answer.next
        if records := _some((record for record in parsed if record.offset >= start), remaining):
            answer.records += records
            answer.next = records[-1].offset + 1
        return
    except Exception as error:  # whatever it was that broke it
        fault: Exception = error
    answer.odd = True
    if whole:
        try:
            _read_ourselves(batch, answer, most)
            return
        except Exception as error:
            fault = error
    first = max(batch.base, answer.next)
    answer.unreadable.append(unreadable(first, behind - 1, batch.data, fault))
    answer.next = behind


def _some(records: Iterable[Any], most: int) -> list[Any]:
    some = []
    for record in records:
        some.append(record)
        if len(some) >= most:
            break
    return some


def _read_ourselves(batch: RecordBatch, answer: FetchedRecords, most: int) -> None:
    for record in records_of(batch):
        if isinstance(record, Unreadable):
            if record.last >= answer.next:
                answer.unreadable.append(record)
                answer.next = record.last + 1
        elif record.offset >= answer.next:
            answer.records.append(record)
            answer.next = record.offset + 1
        if len(answer.records) >= most:
            return


def unreadable(first: int, last: int, data: Any, fault: BaseException | str) -> Unreadable:
    detail = fault if isinstance(fault, str) else f"{type(fault).__name__}: {fault}"
    return Unreadable(
        first=first,
        last=max(first, last),
        raw=bytes(data[:LARGEST_BYTES]),
        raw_bytes=len(data),
        detail=detail,
    )


def records_of(batch: RecordBatch) -> Iterator[KafkaRecord | Unreadable]:
    """The records of a batch whose checksum is right. Raises ValueError, IndexError or struct.error
    for what isn't records at all."""
    return _records(batch) if batch.magic == 2 else _messages(batch)


def _records(batch: RecordBatch) -> Iterator[KafkaRecord | Unreadable]:
    body = batch.data[_HEADER.size :]
    if codec := batch.attributes & _CODEC:
        body = memoryview(_decoder(codec)(body.tobytes()))
    at, due = 0, batch.base
    for _ in range(batch.count):
        try:
            size, start = _varint(body, at)
            if size < 0 or start + size > len(body):
                raise ValueError(f"a record can't have {size} bytes")
        except (ValueError, IndexError) as error:
            yield unreadable(due, batch.next - 1, body[at:], error)
            return
        at = start + size
        try:
            record: KafkaRecord | Unreadable = _record(batch, body[start:at])
        except _FAULTS as error:
            record = unreadable(due, due, body[start:at], error)
        due = (record.offset if isinstance(record, KafkaRecord) else record.last) + 1
        yield record


def _decoder(codec: int) -> Any:
    if codec not in DECODERS:
        raise ValueError(f"unknown compression {codec}")
    return DECODERS[codec]


def _record(batch: RecordBatch, body: memoryview) -> KafkaRecord:
    delta, at = _varint(body, 1)  # behind the attributes
    step, at = _varint(body, at)
    if not 0 <= step <= batch.last_delta:
        raise ValueError(
            f"a record can't have the place {step} in a batch of {batch.last_delta + 1}"
        )
    _, at = _bytes(body, at)
    value, at = _bytes(body, at)
    count, at = _varint(body, at)
    if not 0 <= count <= len(body):
        raise ValueError(f"a record can't have {count} headers")
    headers: list[Header] = []
    for _ in range(count):
        name, at = _bytes(body, at)
        if name is None:
            raise ValueError("a header must have a name")
        content, at = _bytes(body, at)
        headers.append((name.decode("utf-8", "surrogateescape"), content))
    if at != len(body):
        raise ValueError(f"a record of {len(body)} bytes can't end at {at}")
    logged = (
        batch.max_timestamp
        if batch.attributes & _LOG_APPEND_TIME
        else batch.first_timestamp + delta
    )
    return KafkaRecord(batch.base + step, min(max(logged, -_INT64), _INT64 - 1), value, headers)


def _varint(data: Any, at: int) -> tuple[int, int]:
    """A zigzag number of up to 64 bits, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > 63:
            raise ValueError("a number has more than 64 bits")


def _bytes(data: Any, at: int) -> tuple[bytes | None, int]:
    """Length and content; a length of -1 is null."""
    size, at = _varint(data, at)
    return _slice(data, at, size)


def _slice(data: Any, at: int, size: int) -> tuple[bytes | None, int]:
    if size == -1:
        return None, at
    if size < 0 or at + size > len(data):
        raise ValueError(f"a field can't have {size} bytes")
    return bytes(data[at : at + size]), at + size


def _messages(batch: RecordBatch) -> Iterator[KafkaRecord]:
    """A message of the formats 0 and 1; a compressed one wraps others, whose offsets are relative
    in format 1."""
    value, codec = _message_value(batch), batch.attributes & _CODEC
    if not codec:
        yield KafkaRecord(batch.base, batch.max_timestamp, value, ())
        return
    if value is None:
        raise ValueError("a compressed message must not be empty")
    inner = list(split(_decoder(codec)(value)))
    shift = batch.base - inner[-1].base if batch.magic == 1 and inner else 0
    for message in inner:
        logged = batch if batch.attributes & _LOG_APPEND_TIME else message
        yield KafkaRecord(message.base + shift, logged.max_timestamp, _message_value(message), ())


def _message_value(batch: RecordBatch) -> bytes | None:
    at = _LEGACY[batch.magic].size
    for _ in range(2):
        (size,) = struct.unpack_from(">i", batch.data, at)
        content, at = _slice(batch.data, at + 4, size)
    return content


def size_of(data: bytes) -> int:
    """Length of the first batch in bytes, from its header; 0 if the header is incomplete."""
    return OVERHEAD + struct.unpack_from(">i", data, 8)[0] if len(data) >= OVERHEAD else 0


def beyond(data: bytes, offset: int, end: int, size: int) -> FetchedRecords:
    """Set a batch aside of which the beginning alone can be had."""
    lead = memoryview(data)
    batch = batch_of(lead) if len(data) > OVERHEAD + 5 else RecordBatch(lead, offset, -1)
    behind = max(offset + 1, min(batch.next, end))
    fault = f"a batch of {size} bytes is too large to be fetched"
    return FetchedRecords(
        behind, unreadable=[unreadable(max(offset, batch.base), behind - 1, data, fault)]
    )
