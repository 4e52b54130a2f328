"""Record batches byte by byte, and a producer that sends them as they are: what client libraries
refuse to send."""

import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import cramjam
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
ENCODERS: dict[str, Any] = {
    "none": bytes,
    "gzip": gzip_encode,
    "snappy": snappy_encode,
    "lz4": lz4_encode,
    "zstd": zstd_encode,
}


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """A record as it shall stand in the batch; names of headers are bytes."""

    value: bytes | None = b"{}"
    key: bytes | None = None
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    timestamp: int | None = None
    """Milliseconds; None: now."""


@dataclass(frozen=True, kw_only=True)
class RawBatch:
    """A batch of magic 2 as it shall be sent."""

    records: Sequence[RawRecord]
    codec: str = "none"
    attributes: int = 0
    producer: tuple[int, int, int] = (-1, -1, -1)
    body: bytes | None = field(default=None, repr=False)
    """In the records' place, compressed already."""

    def encode(self) -> bytes:
        now = int(time.time() * 1000)
        times = [now if r.timestamp is None else r.timestamp for r in self.records] or [now]
        body = self.body
        if body is None:
            body = ENCODERS[self.codec](
                b"".join(
                    record(r, n, t - times[0])
                    for n, (r, t) in enumerate(zip(self.records, times, strict=False))
                )
            )
        attributes = CODECS[self.codec] | self.attributes
        count = len(self.records)
        covered = (
            struct.pack(
                ">hiqqqhii", attributes, count - 1, times[0], max(times), *self.producer, count
            )
            + body
        )
        crc = calc_crc32c(covered)
        return struct.pack(">qiibI", 0, len(covered) + 9, -1, 2, crc) + covered


def varint(number: int) -> bytes:
    """Zigzag, seven bits a byte."""
    left = (number << 1) ^ (number >> 63)
    left &= 2**64 - 1
    out = bytearray()
    while left >= 0x80:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


def sized(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


def record(raw: RawRecord, place: int, delta: int) -> bytes:
    headers = b"".join(sized(name) + sized(value) for name, value in raw.headers)
    body = b"\0" + varint(delta) + varint(place) + sized(raw.key) + sized(raw.value)
    body += varint(len(raw.headers)) + headers
    return varint(len(body)) + body


def message(
    value: bytes | None, *, magic: int, timestamp: int = 0, codec: str = "none", offset: int = 0
) -> bytes:
    """A message of the formats 0 and 1."""
    covered = struct.pack(">bb", magic, CODECS[codec]) + (
        struct.pack(">q", timestamp) if magic else b""
    )
    covered += struct.pack(">i", -1) + (
        struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value
    )
    return struct.pack(">qiI", offset, len(covered) + 4, zlib.crc32(covered)) + covered


def bomb(value_bytes: int) -> RawBatch:
    """A batch of one record with so many zero bytes, small on the wire."""
    head = b"\0" + varint(0) + varint(0) + varint(-1) + varint(value_bytes)
    size = len(head) + value_bytes + 1
    compressor = cramjam.zstd.Compressor()
    compressor.compress(varint(size) + head)
    piece = bytes(1 << 20)
    for _ in range(value_bytes >> 20):
        compressor.compress(piece)
    compressor.compress(bytes(value_bytes % (1 << 20)) + varint(0))
    return RawBatch(records=[RawRecord()], codec="zstd", body=bytes(compressor.finish()))


class RawProducer:
    """Sends batches as they are, and waits for the answer. Used as `async with`."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AIOKafkaClient(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> Self:
        await self._client.bootstrap()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def send(self, topic: str, partition: int, batch: RawBatch | bytes) -> int:
        """Send a batch and return its offset. Raises the KafkaError that the broker answers."""
        data = batch if isinstance(batch, bytes) else batch.encode()
        leader = self._client.cluster.leader_for_partition(TopicPartition(topic, partition))
        if leader is None:
            await self._client._wait_on_metadata(topic)
            leader = self._client.cluster.leader_for_partition(TopicPartition(topic, partition))
        request = ProduceRequest(
            transactional_id=None,
            required_acks=-1,
            timeout=30_000,
            topics=[(topic, [(partition, data)])],
        )
        response = await self._client.send(leader, request)
        ((_, ((_, code, offset, *_),)),) = response.topics
        error = for_code(code)
        if error is not NoError:
            raise error(f"{topic}[{partition}]")
        return int(offset)
