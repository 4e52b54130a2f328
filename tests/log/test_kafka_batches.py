"""Our own reader of record batches against the encoders of others: it reads what they wrote, and
never raises."""

from itertools import pairwise
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.flows.processing.ports import Unreadable
from healthsvc.log.kafka import batches, careful, codecs
from tests.support.kafka_records import CODECS, ENCODERS, RawBatch, RawRecord, bomb, message, varint

MAYBE_BYTES = st.none() | st.binary(max_size=300)
INT64 = st.integers(-(2**62), 2**62)
RECORDS = st.lists(
    st.tuples(
        st.integers(0, 2**41),
        MAYBE_BYTES,
        MAYBE_BYTES,
        st.lists(st.tuples(st.text(max_size=10), MAYBE_BYTES), max_size=4),
    ),
    min_size=1,
    max_size=12,
)
RAW_RECORDS = st.lists(
    st.builds(
        RawRecord,
        key=MAYBE_BYTES,
        value=MAYBE_BYTES,
        headers=st.lists(st.tuples(st.binary(max_size=10), MAYBE_BYTES), max_size=4),
        timestamp=INT64,
    ),
    min_size=1,
    max_size=8,
)


def at(offset: int, data: bytes) -> bytes:
    """The batch as the broker stores it, at an offset."""
    return offset.to_bytes(8) + data[8:]


def parsed(data: bytes) -> list[Any]:
    (batch,) = batches.split(data)
    return list(batches.records_of(batch))


@given(RECORDS, st.sampled_from(sorted(CODECS.values())))
def test_what_aiokafka_encodes_is_read_as_it_was(records: Any, codec: int) -> None:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    for place, (timestamp, key, value, headers) in enumerate(records):
        builder.append(place, timestamp=timestamp, key=key, value=value, headers=headers)
    read = parsed(at(40, bytes(builder.build())))
    assert [(r.offset, r.timestamp, r.value, list(r.headers)) for r in read] == [
        (40 + place, timestamp, value, headers)
        for place, (timestamp, _, value, headers) in enumerate(records)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 2**41), MAYBE_BYTES), min_size=1, max_size=9),
    st.sampled_from([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)]),
)
def test_older_formats_that_aiokafka_encodes_are_read(records: Any, kind: tuple[int, int]) -> None:
    magic, codec = kind
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=codec, batch_size=1 << 20)
    for place, (timestamp, value) in enumerate(records):
        builder.append(place, timestamp=timestamp, key=None, value=value)
    data = bytes(builder.build())
    stored = at(40 + len(records) - 1, data) if codec else data
    start = 40 if codec and magic else 0
    read = [record for batch in batches.split(stored) for record in batches.records_of(batch)]
    assert [(r.offset, r.value) for r in read] == [
        (start + n, value) for n, (_, value) in enumerate(records)
    ]
    assert [r.timestamp for r in read] == [timestamp if magic else -1 for timestamp, _ in records]


@given(RAW_RECORDS, st.sampled_from(sorted(CODECS)))
def test_any_bytes_in_names_and_any_times_are_read(records: list[RawRecord], codec: str) -> None:
    answer = batches.read(at(7, RawBatch(records=records, codec=codec).encode()), 7, [], 100, 1000)
    assert not answer.unreadable
    assert answer.next == 7 + len(records)
    assert [r.value for r in answer.records] == [r.value for r in records]
    names = [
        [name.encode("utf-8", "surrogateescape") for name, _ in r.headers] for r in answer.records
    ]
    assert names == [[name for name, _ in r.headers] for r in records]


@given(RAW_RECORDS, st.sampled_from(sorted(CODECS)), st.data())
def test_whatever_is_broken_is_read_or_set_aside_and_never_passed_in_silence(
    records: list[RawRecord], codec: str, data: st.DataObject
) -> None:
    """Three batches, the second with some bytes changed, its checksum right or wrong."""
    good = [at(place, RawBatch(records=records).encode()) for place in (0, 2 * len(records))]
    broken = bytearray(at(len(records), RawBatch(records=records, codec=codec).encode()))
    for place in data.draw(st.lists(st.integers(16, len(broken) - 1), min_size=1, max_size=5)):
        broken[place] = data.draw(st.integers(0, 255))
    mended = data.draw(st.booleans()) and broken[16] == 2
    if mended:
        broken[17:21] = batches.calc_crc32c(bytes(broken[21:])).to_bytes(4)
        broken[21:27] = at(0, RawBatch(records=records, codec=codec).encode())[21:27]
        broken[17:21] = batches.calc_crc32c(bytes(broken[21:])).to_bytes(4)
    answer = batches.read(good[0] + bytes(broken) + good[1], 0, [], 3 * len(records), 10_000)
    assert answer.next == 3 * len(records)
    offsets = [(r.offset, r.offset) for r in answer.records] + [
        (u.first, u.last) for u in answer.unreadable
    ]
    covered = sorted(offsets)
    assert covered[0][0] == 0
    assert covered[-1][1] == 3 * len(records) - 1
    if mended:  # records may then say any offsets, as those of a compacted topic
        assert all(following[0] > before[1] for before, following in pairwise(covered))
    else:
        assert all(following[0] == before[1] + 1 for before, following in pairwise(covered))


@given(st.binary(max_size=400), st.integers(0, 2**40))
def test_bytes_of_any_kind_never_raise_and_never_go_back(data: bytes, offset: int) -> None:
    answer = batches.read(data, offset, [], offset + 10, 100)
    assert answer.next >= offset


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
@given(content=st.binary(max_size=5000))
def test_the_bounded_decoders_read_what_aiokafka_compresses(codec: str, content: bytes) -> None:
    assert codecs.DECODERS[CODECS[codec]](ENCODERS[codec](content)) == content


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
def test_a_bomb_is_refused_by_every_decoder(codec: str) -> None:
    bombed = ENCODERS[codec](bytes(codecs.MAX_BYTES + 1))
    with pytest.raises(codecs.Oversized):
        codecs.DECODERS[CODECS[codec]](bombed)


def test_aiokafka_decompresses_within_the_bound() -> None:
    codecs.bound_aiokafka()
    parsed_by_aiokafka = batches.MemoryRecords(bomb(codecs.MAX_BYTES + 1).encode()).next_batch()
    with pytest.raises(codecs.Oversized):
        list(parsed_by_aiokafka)


def test_records_of_an_aborted_transaction_are_not_read_by_our_own_reader() -> None:
    odd = [RawRecord(value=b"x", headers=[(b"\xff", None)])]
    aborted = RawBatch(records=odd, attributes=0x10, producer=(9, 0, 0))
    committed = RawBatch(records=odd, attributes=0x10, producer=(8, 0, 0))
    marker = RawBatch(
        records=[RawRecord(key=b"\0\0\0\0", value=b"\0" * 6)], attributes=0x30, producer=(9, 0, -1)
    )
    data = (
        at(0, aborted.encode())
        + at(1, committed.encode())
        + at(2, marker.encode())
        + at(3, aborted.encode())
    )
    answer = batches.read(data, 0, [(9, 0)], 10, 100)
    assert [record.offset for record in answer.records] == [1, 3]
    assert answer.next == 4


def test_one_broken_record_of_a_batch_is_set_aside_alone() -> None:
    records = [
        RawRecord(value=b"a"),
        RawRecord(value=b"b", headers=[(b"h", b"v")]),
        RawRecord(value=b"c"),
    ]
    whole = RawBatch(records=records).encode()
    body = bytearray(whole[61:])
    place = bytes(body).index(varint(1) + b"h")
    body[place : place + 1] = varint(-1)  # a header without a name
    answer = batches.read(RawBatch(records=records, body=bytes(body)).encode(), 0, [], 3, 100)
    assert [record.value for record in answer.records] == [b"a", b"c"]
    (lost,) = answer.unreadable
    assert (lost.first, lost.last) == (1, 1)
    assert b"h" in lost.raw


@pytest.mark.parametrize("magic", [3, 127])
def test_an_unknown_format_is_set_aside(magic: int) -> None:
    data = bytearray(RawBatch(records=[RawRecord()] * 3).encode())
    data[16] = magic
    following = at(3, RawBatch(records=[RawRecord(value=b"after")]).encode())
    answer = batches.read(bytes(data) + following, 0, [], 4, 100)
    assert [(lost.first, lost.last) for lost in answer.unreadable] == [(0, 2)]
    assert [record.value for record in answer.records] == [b"after"]


def test_an_unknown_compression_is_set_aside() -> None:
    answer = batches.read(RawBatch(records=[RawRecord()] * 3, attributes=7).encode(), 0, [], 3, 100)
    (lost,) = answer.unreadable
    assert isinstance(lost, Unreadable)
    assert (lost.first, lost.last) == (0, 2)
    assert "unknown compression 7" in lost.detail


def test_a_message_of_format_1_is_read() -> None:
    (record,) = parsed(message(b"x", magic=1, timestamp=5, offset=3))
    assert (record.offset, record.timestamp, record.value) == (3, 5, b"x")


class OfOnePartition:
    """In a client's place: a broker that cuts a batch off at the bytes asked for, as those before
    0.10.1 did."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked, self.cluster = data, list[int](), self

    def leader_for_partition(self, _: object) -> int:
        return 0

    async def send(self, _: int, request: Any) -> Any:
        ((_, ((_, _, most),)),) = request.topics
        self.asked.append(most)
        answer = (0, 0, 100, 100, [], self.data[:most])
        return type("Response", (), {"topics": [("t", [answer])]})


async def test_a_batch_larger_than_what_is_fetched_is_asked_for_alone() -> None:
    client = OfOnePartition(RawBatch(records=[RawRecord(value=bytes(3 << 20))]).encode())
    found = await careful.CarefulReader("t").fetch(client, {0: 0}, 10, 0.0)
    assert client.asked == [careful.PARTITION_BYTES, len(client.data)]
    assert [len(record.value) for record in found[0].answer.records] == [3 << 20]


async def test_a_batch_larger_than_anything_is_set_aside_by_its_offsets() -> None:
    lead = bytearray(RawBatch(records=[RawRecord(value=bytes(2 << 20))] * 5).encode())
    lead[8:12] = (careful.LARGEST_BATCH_BYTES + 1).to_bytes(4)
    client = OfOnePartition(bytes(lead))
    found = await careful.CarefulReader("t").fetch(client, {0: 0}, 10, 0.0)
    answer = found[0].answer
    assert answer.next == 5
    assert [(lost.first, lost.last) for lost in answer.unreadable] == [(0, 4)]
    assert "too large" in answer.unreadable[0].detail
