"""Decoding: what is good comes through as it was sent, what isn't is set aside with its place and
its reason."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_128_intdigest

from healthsvc.wire.events.catalogue import BUILTIN_TYPES, CustomEvent, Envelope, encode, type_of
from healthsvc.wire.events.decode import DecodedBatch, Reject, decode_batch, decode_one
from healthsvc.wire.events.decode_record import MAX_BYTES
from healthsvc.wire.events.explain import MAX_ERRORS
from tests.support.makers import make_event

NOW_US = 1_780_000_000_000_000  # 2026-05-28
ENVELOPE = {"id": "1", "source": "s", "customer_id": "c", "occurred_at": "2026-05-04T09:30:00Z"}


def record(type: str = "page.viewed", **overrides: Any) -> bytes:
    return json.dumps(make_event(type, **overrides)).encode()


def decoded(*values: bytes) -> DecodedBatch:
    return decode_batch(values, now_us=NOW_US)


def refused(value: bytes) -> Reject:
    outcome = decode_one(value, NOW_US)
    assert isinstance(outcome, Reject), f"let in: {outcome}"
    return outcome


def let_in(value: bytes) -> Envelope:
    outcome = decode_one(value, NOW_US)
    assert not isinstance(outcome, Reject), outcome
    return outcome


@pytest.mark.parametrize("type", BUILTIN_TYPES)
def test_an_event_of_every_type_decodes_to_its_own_class(type: str) -> None:
    event = let_in(record(type))

    assert event.__class__ is BUILTIN_TYPES[type]
    assert type_of(event) == type


@pytest.mark.parametrize("type", BUILTIN_TYPES)
def test_an_event_written_down_decodes_to_the_same_event(type: str) -> None:
    event = let_in(record(type))

    assert let_in(encode(event)) == event


def test_a_batch_keeps_the_order_and_the_bytes_of_its_good_records_beside_bad_ones() -> None:
    good = [record(id=str(number)) for number in range(100)]
    values = [*good[:50], b"{", *good[50:], b""]

    batch = decoded(*values)

    assert [event.id for event in batch.events] == [str(number) for number in range(100)]
    assert batch.raws == good
    assert batch.index == [*range(50), *range(51, 101)]
    assert [(reject.index, reject.reason) for reject in batch.rejects] == [
        (50, "invalid_json"),
        (101, "empty"),
    ]
    assert len(batch.occurred_us) == len(batch.digests) == 100


def test_an_empty_batch_has_empty_columns() -> None:
    batch = decoded()

    assert (batch.events, batch.rejects, batch.digests.shape) == ([], [], (0, 2))


def test_a_batch_of_nothing_but_bad_records_has_empty_columns() -> None:
    batch = decoded(b"", b"{}", b"[]")

    assert (batch.events, len(batch.rejects), len(batch.occurred_us), batch.digests.shape) == (
        [],
        3,
        0,
        (0, 2),
    )


def test_the_digest_is_the_hash_of_customer_source_and_id() -> None:
    batch = decoded(record(id="é", source="crm", customer_id="acme"), record(id="x"))

    high, low = (int(half) for half in batch.digests[0])
    assert (high << 64) | low == xxh3_128_intdigest("acme\0crm\0é".encode())
    assert batch.digests.dtype == np.uint64


def test_the_instant_is_counted_in_microseconds() -> None:
    batch = decoded(record(occurred_at="2026-05-04T11:30:00.000001+02:00"))

    assert batch.occurred_us.tolist() == [1_777_887_000_000_001]


def test_an_event_of_an_unknown_type_keeps_its_data() -> None:
    event = let_in(record("warehouse.synced", data={"rows": [1, {"a": None}]}))

    assert isinstance(event, CustomEvent)
    assert (type_of(event), event.data) == ("warehouse.synced", {"rows": [1, {"a": None}]})


def test_fields_of_data_that_nobody_knows_are_let_in() -> None:
    assert let_in(record(data={"url": "/", "campaign": {"deep": [1, 2]}})).id


def test_a_date_and_a_time_are_both_instants_within_data() -> None:
    by_date = let_in(record("customer.updated", data={"renewal_at": "2027-01-01"}))
    by_time = let_in(record("customer.updated", data={"renewal_at": "2027-01-01T01:00:00+01:00"}))

    assert by_date.data.renewal_at == by_time.data.renewal_at == datetime(2027, 1, 1, tzinfo=UTC)  # type: ignore[attr-defined]  # of CustomerUpdated


def test_a_whole_number_with_a_fraction_of_zero_is_an_integer_and_is_stored_as_one() -> None:
    batch = decoded(record("seats.changed", data={"seats": 25.0, "active": 19}))

    assert batch.events[0].data.seats == 25  # type: ignore[attr-defined]  # of SeatsChanged
    assert json.loads(batch.raws[0])["data"] == {"seats": 25, "active": 19}
    assert b"25.0" not in batch.raws[0]


ENVELOPE_FAULTS: list[tuple[bytes, str, str, str]] = [
    (record(custmer_id="x"), "invalid_envelope", "/custmer_id", "did you mean customer_id"),
    (record(zzz="x"), "invalid_envelope", "/zzz", "belongs into data"),
    (record(id=""), "invalid_envelope", "/id", "1 to 200 characters"),
    (record(id="x" * 201), "invalid_envelope", "/id", "1 to 200 characters"),
    (record(id=7), "invalid_envelope", "/id", "must be text"),
    (record(id=None), "invalid_envelope", "/id", "got null"),
    (record(customer_id="a\nb"), "invalid_envelope", "/customer_id", "control characters"),
    (record(source="a\x7fb"), "invalid_envelope", "/source", "control characters"),
    (record(contact_id="a\x85b"), "invalid_envelope", "/contact_id", "control characters"),
    (
        json.dumps(make_event(id="a\x85b"), ensure_ascii=False).encode(),
        "invalid_envelope",
        "/id",
        "control characters",
    ),
    (record(type="a..b"), "invalid_envelope", "/type", "dot-separated"),
    (record(type="1a"), "invalid_envelope", "/type", "dot-separated"),
    (record(type="a\n"), "invalid_envelope", "/type", "dot-separated"),
    (record(type="a" * 101), "invalid_envelope", "/type", "1 to 100 characters"),
    (record(type=5), "invalid_envelope", "/type", "must be text"),
    (b'{"type":"mine.own",' + record()[1:], "invalid_envelope", "/type", "once"),
    (b"[1]", "invalid_envelope", "", "JSON object"),
    (b"null", "invalid_envelope", "", "JSON object"),
    (record(occurred_at="2026-05-04T09:30:00"), "invalid_time", "/occurred_at", "offset"),
    (record(occurred_at="yesterday"), "invalid_time", "/occurred_at", "RFC 3339"),
    (record(occurred_at="1989-12-31T23:59:59Z"), "invalid_time", "/occurred_at", "1990"),
    (record(occurred_at="1970-01-01T00:00:00Z"), "invalid_time", "/occurred_at", "1990"),
    (
        record(occurred_at="2026-06-04T09:30:00Z"),
        "invalid_time",
        "/occurred_at",
        "clock of the sender is ahead",
    ),
    (record(occurred_at=1_777_887_000), "invalid_time", "/occurred_at", "must be text"),
]
DATA_FAULTS: list[tuple[bytes, str, str]] = [
    (record(data=None), "/data", "an object, got null"),
    (record(data={}), "/data/url", "is required"),
    (record(data={"url": "/", "kind": "checkout"}), "/data/kind", "cancel"),
    (
        record("survey.answered", data={"survey": "nps", "score": 11}),
        "/data/score",
        "whole number from 0 to 10",
    ),
    (
        record("survey.answered", data={"survey": "nps", "score": 9.5}),
        "/data/score",
        "whole number from 0 to 10",
    ),
    (record("survey.answered", data={"survey": "nps", "score": "9"}), "/data/score", 'got "9"'),
    (record("survey.answered", data={"survey": "csat", "score": 6}), "/data/score", "from 1 to 5"),
    (record("survey.answered", data={"survey": "ces", "score": 8}), "/data/score", "from 1 to 7"),
    (
        record("survey.answered", data={"survey": "osat", "score": 1}),
        "/data/survey",
        "nps, csat, ces",
    ),
    (record("survey.answered", data={"score": 1}), "/data/survey", "is required"),
    (record("feature.used", data={"feature": "a", "quantity": 0}), "/data/quantity", "above 0"),
    (
        record("invoice.paid", data={"invoice_id": "i", "amount": 1.1e15}),
        "/data/amount",
        "1000000000000000",
    ),
    (record("invoice.paid", data={"invoice_id": "i", "amount": True}), "/data/amount", "got true"),
    (
        record("invoice.paid", data={"invoice_id": "i", "currency": "EURO"}),
        "/data/currency",
        "3 letters",
    ),
    (
        record("invoice.overdue", data={"invoice_id": "i", "due_at": "2026-02-30"}),
        "/data/due_at",
        "RFC 3339",
    ),
    (
        record("invoice.overdue", data={"invoice_id": "i", "due_at": "0001-01-01T00:00:00+10:00"}),
        "/data/due_at",
        "1900",
    ),
    (
        record("invoice.overdue", data={"invoice_id": "i", "due_at": "9999-12-31T23:59:59-10:00"}),
        "/data/due_at",
        "2999",
    ),
    (record("invoice.overdue", data={"invoice_id": "i", "due_at": 5}), "/data/due_at", "RFC 3339"),
    (
        record("customer.updated", data={"attributes": {"a/b": []}}),
        "/data/attributes/a~1b",
        "text of at most",
    ),
    (
        record("customer.updated", data={"attributes": {"a": 10**16}}),
        "/data/attributes/a",
        "number from",
    ),
    (record("my.own", data={"a": [{"b": 1e16}]}), "/data/a/0/b", "number from"),
    (record("my.own", data=[]), "/data", "an object"),
]
BYTE_FAULTS: list[tuple[bytes, str]] = [
    (b"", "empty"),
    (b"{", "invalid_json"),
    (b"{}{}", "invalid_json"),
    (b"\xef\xbb\xbf" + record(), "invalid_json"),
    (record().replace(b"2026-05", b"2026\n05"), "invalid_json"),
    (record(data={"url": "/", "x": 1}).replace(b'"x": 1', b'"x": NaN'), "invalid_json"),
    (record("my.own", data={"x": 1}).replace(b'"x": 1', b'"x": 1e999'), "invalid_json"),
    (
        record("seats.changed", data={"seats": 1}).replace(b'"seats": 1', b'"seats": 1e999'),
        "invalid_json",
    ),
    (b"[" * 60_000, "invalid_json"),
    (record(data={"url": "x" * MAX_BYTES}), "too_large"),
    (record(id="a\0b"), "encoding"),
    (record(data={"url": "/", "skipped": "a\0b"}), "encoding"),
    (record(data={"url": "/", "skipped": "x"}).replace(b'"x"', b'"\xff"'), "encoding"),
    (record(data={"url": "/", "skipped": "x"}).replace(b'"x"', b'"\\ud800 and more"'), "encoding"),
    (record(data={"url": "x"}).replace(b'"x"', b'"\\udc00 and more"'), "encoding"),
    (record(id="x").replace(b'"x"', b'"\xed\xa0\x80"'), "encoding"),
]


@pytest.mark.parametrize(("value", "reason", "pointer", "words"), ENVELOPE_FAULTS)
def test_a_fault_of_the_envelope_is_named_with_its_place(
    value: bytes, reason: str, pointer: str, words: str
) -> None:
    reject = refused(value)

    assert reject.reason == reason
    assert any(error.pointer == pointer and words in error.detail for error in reject.errors), (
        reject.errors
    )


@pytest.mark.parametrize(("value", "pointer", "words"), DATA_FAULTS)
def test_a_fault_of_the_data_is_named_with_its_place(
    value: bytes, pointer: str, words: str
) -> None:
    reject = refused(value)

    assert reject.reason == "invalid_data"
    assert any(error.pointer == pointer and words in error.detail for error in reject.errors), (
        reject.errors
    )


@pytest.mark.parametrize(("value", "reason"), BYTE_FAULTS)
def test_bytes_that_hold_no_record_are_refused_with_their_reason(value: bytes, reason: str) -> None:
    assert refused(value).reason == reason


def test_all_faults_of_a_record_are_told_at_once() -> None:
    reject = refused(record("seats.changed", id=5, contact=1, data={"active": "x"}))

    assert {error.pointer for error in reject.errors} == {
        "/id",
        "/contact",
        "/data/seats",
        "/data/active",
    }


def test_the_faults_told_of_one_record_are_limited_in_number_and_size() -> None:
    many = refused(record(**{f"{'x' * 500}{number}": 1 for number in range(100)}))
    deep = refused(record("my.own", data={"a": [1e16] * 5000}))

    assert len(many.errors) == len(deep.errors) == MAX_ERRORS
    assert max(len(error.pointer) + len(error.detail) for error in many.errors) < 300


def test_every_field_that_is_missing_is_named() -> None:
    pointers = [error.pointer for error in refused(b"{}").errors]

    assert pointers == ["/id", "/source", "/customer_id", "/occurred_at", "/type"]


def test_what_only_looks_like_a_nul_or_a_control_character_is_let_in() -> None:
    assert let_in(record(data={"url": "/", "title": "the text \\u0000 itself"}))
    assert let_in(record(data={"url": "/", "title": "two\nlines, a \x7f and an é"}))
    assert let_in(record(id="naïve “quoted” \\ 名前 \U0001f600"))


def test_a_record_of_exactly_the_largest_size_is_let_in() -> None:
    spare = MAX_BYTES - len(record("my.own", id="x", data={"text": ""}))

    assert let_in(record("my.own", id="x", data={"text": "y" * spare}))


def test_a_sender_whose_clock_is_five_minutes_ahead_is_believed() -> None:
    assert let_in(record(occurred_at="2026-05-28T20:31:40Z"))
    assert refused(record(occurred_at="2026-05-28T20:31:41Z")).reason == "invalid_time"


def test_nesting_is_limited_where_data_is_free() -> None:
    def nested(levels: int) -> dict[str, Any]:
        return {"a": nested(levels - 1)} if levels else {}

    assert let_in(record("my.own", data=nested(15)))
    assert "nested" in refused(record("my.own", data=nested(17))).errors[0].detail


@given(st.lists(st.binary(max_size=40) | st.text().map(str.encode), max_size=8))
def test_no_bytes_whatsoever_raise(values: list[bytes]) -> None:
    batch = decoded(*values)

    assert sorted([*batch.index, *(reject.index for reject in batch.rejects)]) == list(
        range(len(values))
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [*ENVELOPE, "type", "contact_id", "data", "specversion", "data_base64", "time", "subject"]
)
TYPES = st.fixed_dictionaries({}, optional={"type": st.sampled_from([*BUILTIN_TYPES, "my.own"])})


@given(TYPES, st.dictionaries(FIELDS, JSON, max_size=4), st.booleans())
@settings(deadline=None)
def test_no_json_whatsoever_raises(
    type: dict[str, Any], fields: dict[str, Any], whole: bool
) -> None:
    value = json.dumps({**(ENVELOPE if whole else {}), **fields, **type}).encode()

    batch = decoded(value)

    assert len(batch.events) + len(batch.rejects) == 1
    assert all(error.detail for reject in batch.rejects for error in reject.errors)


@pytest.mark.parametrize("digits", [20, 400, 5000])
@pytest.mark.parametrize(
    "place",
    ['{"data":{"seats":%s}', '{"specversion":%s', '{"specversion":"1.0","data":{"seats":%s}'],
)
def test_numbers_of_any_length_are_refused_without_raising(digits: int, place: str) -> None:
    rest = json.dumps({"type": "seats.changed", **ENVELOPE})[1:]
    value = f"{place % ('9' * digits)}, {rest}".encode()

    assert refused(value).errors


@pytest.mark.parametrize("size", [1, 31, 32, 500])
def test_a_record_fares_the_same_in_a_batch_of_any_size(size: int) -> None:
    makers: list[Callable[[int], bytes]] = [
        lambda number: record(id=f"e{number}"),
        lambda number: record(id=f"e{number}", occurred_at="2026-05-04T09:30:00"),
        lambda number: record("my.own", id=f"e{number}", data={"a": 1}),
        lambda number: record("seats.changed", id=f"e{number}", data={"seats": 3.0}),
        lambda number: record(id=f"e{number}\n"),
    ]
    values = [makers[number % len(makers)](number) for number in range(size)]

    batch = decoded(*values)

    alone = [decode_one(value, NOW_US) for value in values]
    assert batch.events == [event for event in alone if not isinstance(event, Reject)]
    assert [r.errors for r in batch.rejects] == [
        outcome.errors for outcome in alone if isinstance(outcome, Reject)
    ]
    assert batch.index == [i for i, outcome in enumerate(alone) if not isinstance(outcome, Reject)]
