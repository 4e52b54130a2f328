"""CloudEvents 1.0.2 in every mode become own envelopes; the shapes are those of the specification's
own examples."""

import json
from base64 import b64encode
from typing import Any

import pytest

from healthsvc.wire.events.catalogue import CustomEvent, PageViewed
from healthsvc.wire.events.cloudevents import from_binary, from_structured
from healthsvc.wire.events.cloudevents import http_items as items_in_steps
from healthsvc.wire.events.decode import DecodedBatch, Reject, decode_batch, decode_one
from tests.support.makers import make_event

NOW_US = 1_780_000_000_000_000
PULL_REQUEST: dict[str, Any] = {  # the example of the specification's section 5
    "specversion": "1.0",
    "type": "com.github.pull_request.opened",
    "source": "https://github.com/cloudevents/spec/pull",
    "subject": "123",
    "id": "A234-1234-1234",
    "time": "2018-04-05T17:31:00Z",
    "comexampleextension1": "value",
    "comexampleothervalue": 5,
    "datacontenttype": "application/json",
    "data": {"appinfoA": "abc", "appinfoB": 123, "appinfoC": True},
}


def http_items(headers: Any, body: bytes) -> list[bytes] | Reject:
    """What the steps come to."""
    steps = items_in_steps(headers, body, 1000)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def cloud_event(**overrides: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/site",
        "type": "page.viewed",
        "subject": "acme",
        "time": "2026-05-04T09:30:00Z",
        "data": {"url": "https://example.com/pricing"},
    }
    return {name: value for name, value in (event | overrides).items() if value is not ...}


def decoded(event: dict[str, Any]) -> DecodedBatch:
    return decode_batch([json.dumps(event).encode()], now_us=NOW_US)


def refused(event: dict[str, Any]) -> Reject:
    (reject,) = decoded(event).rejects
    return reject


def kafka(value: bytes, headers: list[tuple[str, bytes]]) -> DecodedBatch:
    return decode_batch([value], now_us=NOW_US, headers=[headers])


KAFKA_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"page.viewed"),
    ("ce_source", b"/site"),
    ("ce_id", "Größe".encode()),
    ("ce_time", b"2026-05-04T09:30:00Z"),
    ("ce_customerid", b"acme"),
    ("ce_partitionkey", b"anything"),
    ("content-type", b"application/json; charset=utf-8"),
]
HTTP_HEADERS = [
    ("ce-specversion", b"1.0"),
    ("CE-Type", b"page.viewed"),
    ("ce-source", b"/site"),
    ("ce-id", b"Gr%C3%B6%C3%9Fe %22%25%22"),
    ("ce-time", b"2026-05-04T09:30:00Z"),
    ("ce-subject", b'"quoted \\"acme\\""'),
    ("Content-Type", b"application/json"),
]


def test_the_specifications_own_example_is_an_event_of_the_operators_own_type() -> None:
    batch = decoded(PULL_REQUEST)

    (event,) = batch.events
    assert isinstance(event, CustomEvent)
    assert (event.id, event.type, event.customer_id) == (
        "A234-1234-1234",
        "com.github.pull_request.opened",
        "123",
    )
    assert event.data == PULL_REQUEST["data"]


def test_what_is_kept_of_a_cloud_event_is_the_own_envelope() -> None:
    batch = decoded(cloud_event(contactid="ada"))

    assert json.loads(batch.raws[0]) == {
        "id": "1",
        "source": "/site",
        "type": "page.viewed",
        "customer_id": "acme",
        "contact_id": "ada",
        "occurred_at": "2026-05-04T09:30:00Z",
        "data": {"url": "https://example.com/pricing"},
    }
    assert decode_one(batch.raws[0], NOW_US) == batch.events[0]


def test_the_extension_customerid_goes_before_the_subject() -> None:
    assert decoded(cloud_event(customerid="acme", subject="page-7")).events[0].customer_id == "acme"


def test_base64_data_of_a_json_type_is_read() -> None:
    body = b64encode(b'{"url": "/cancel"}').decode()

    (event,) = decoded(cloud_event(data=..., data_base64=body)).events

    assert isinstance(event, PageViewed)
    assert event.data.url == "/cancel"


def test_an_event_without_data_is_let_in_where_its_type_needs_none() -> None:
    assert decoded(cloud_event(type="session.started", data=...)).events


def test_an_own_event_that_merely_speaks_of_specversion_stays_one() -> None:
    own = make_event(data={"url": "/", "specversion": "1.0"})

    assert decoded(own).events[0].id == own["id"]


@pytest.mark.parametrize(
    ("event", "pointer", "words"),
    [
        (cloud_event(specversion="0.3"), "/specversion", "1.0"),
        (cloud_event(id=...), "/id", "required"),
        (cloud_event(id=""), "/id", "required"),
        (cloud_event(source=5), "/source", "required"),
        (cloud_event(type=None), "/type", "required"),
        (cloud_event(time=...), "/time", "required"),
        (cloud_event(time="2026-05-04T09:30:00"), "/time", "offset"),
        (cloud_event(time="2099-05-04T09:30:00Z"), "/time", "ahead"),
        (cloud_event(subject=...), "/subject", "customerid"),
        (cloud_event(subject=""), "/subject", "1 to 200"),
        (cloud_event(contactid=7), "/contactid", "text"),
        (cloud_event(data_base64="e30="), "/data_base64", "one of the two"),
        (cloud_event(data=..., data_base64="###"), "/data_base64", "base64"),
        (cloud_event(data=..., data_base64=5), "/data_base64", "base64"),
        (
            cloud_event(data=..., data_base64="e30=", datacontenttype="text/plain"),
            "/datacontenttype",
            "JSON",
        ),
        (cloud_event(data=..., data_base64="ew=="), "/data_base64", "JSON"),
        (cloud_event(data={}), "/data/url", "required"),
        (cloud_event(data="text"), "/data", "object"),
    ],
)
def test_a_faulty_cloud_event_is_refused_in_its_own_terms(
    event: dict[str, Any], pointer: str, words: str
) -> None:
    reject = refused(event)

    assert any(error.pointer == pointer and words in error.detail for error in reject.errors), (
        reject.errors
    )


def test_a_nul_that_comes_in_by_base64_is_refused_too() -> None:
    body = b64encode(json.dumps({"url": "a\0b"}).encode()).decode()

    assert refused(cloud_event(data=..., data_base64=body)).reason == "encoding"


def test_the_kafka_binding_in_binary_mode_is_read_from_the_headers() -> None:
    (event,) = kafka(b'{"url": "/cancel"}', KAFKA_HEADERS).events

    assert (event.id, event.source, event.customer_id) == ("Größe", "/site", "acme")


def test_kafka_headers_are_not_percent_decoded() -> None:
    headers = [*KAFKA_HEADERS, ("ce_id", b"50%25")]

    assert kafka(b'{"url": "/"}', headers).events[0].id == "50%25"


def test_the_kafka_binding_in_structured_mode_is_read_from_the_value() -> None:
    value = json.dumps(cloud_event()).encode()

    batch = kafka(value, [("content-type", b"application/cloudevents+json; charset=UTF-8")])

    assert batch.events[0].customer_id == "acme"


def test_headers_of_no_cloud_event_leave_an_own_event_alone() -> None:
    value = json.dumps(make_event()).encode()

    batch = kafka(value, [("content-type", b"application/json"), ("traceparent", b"00-1-1-01")])

    assert batch.raws == [value]


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"{", KAFKA_HEADERS, "invalid_json"),
        (b"{}", KAFKA_HEADERS, "invalid_data"),
        (b'{"url": "/"}', [*KAFKA_HEADERS, ("ce_id", b"\xff")], "encoding"),
        (b'{"url": "/\\u0000"}', KAFKA_HEADERS, "encoding"),
        (b"<a/>", [*KAFKA_HEADERS, ("content-type", b"text/xml")], "invalid_data"),
        (b'{"url": "/"}', KAFKA_HEADERS[:1], "invalid_envelope"),
        (b"x" * 70_000, KAFKA_HEADERS, "too_large"),
    ],
)
def test_a_faulty_binary_record_is_set_aside(
    value: bytes, headers: list[tuple[str, bytes]], reason: str
) -> None:
    (reject,) = kafka(value, headers).rejects

    assert reject.reason == reason


def test_faults_of_a_binary_record_are_told_in_its_own_terms() -> None:
    (reject,) = kafka(b'{"url": "/"}', [*KAFKA_HEADERS, ("ce_time", b"noon")]).rejects

    assert [error.pointer for error in reject.errors] == ["/time"]


def test_records_of_all_kinds_in_one_batch_keep_their_places() -> None:
    values = [
        json.dumps(make_event()).encode(),
        b'{"url": "/"}',
        b"",
        json.dumps(cloud_event()).encode(),
    ]

    batch = decode_batch(values, now_us=NOW_US, headers=[None, KAFKA_HEADERS, [], [("a", b"b")]])

    assert (batch.index, [reject.index for reject in batch.rejects]) == ([0, 1, 3], [2])


def test_http_in_binary_mode_unquotes_and_percent_decodes_headers() -> None:
    (value,) = http_items(HTTP_HEADERS, b'{"url": "/cancel"}')

    event = decode_one(value, NOW_US)
    assert isinstance(event, PageViewed)
    assert (event.id, event.customer_id, event.data.url) == (
        'Größe "%"',
        'quoted "acme"',
        "/cancel",
    )


def test_http_in_batch_mode_gives_a_record_per_event() -> None:
    body = json.dumps([cloud_event(id="1"), cloud_event(id="2")]).encode()

    items = http_items([("content-type", b"application/cloudevents-batch+json")], body)

    assert isinstance(items, list)
    assert [event.id for event in decode_batch(items, now_us=NOW_US).events] == ["1", "2"]


def test_http_takes_one_event_as_well_as_an_array() -> None:
    one = json.dumps(make_event()).encode()

    assert http_items([("content-type", b"application/json")], one) == [one]
    assert http_items([("content-type", b"application/json")], b" [" + one + b"]") == [one]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("content-type", b"application/cloudevents-batch+json")], b"{}"),
        (HTTP_HEADERS, b"{"),
        ([*HTTP_HEADERS, ("ce-specversion", b"2.0")], b"{}"),
    ],
)
def test_a_body_that_holds_no_records_is_refused(
    headers: list[tuple[str, bytes]], body: bytes
) -> None:
    assert isinstance(http_items(headers, body), Reject)


def test_the_codec_alone_gives_the_envelope_or_the_refusal() -> None:
    own = from_structured(cloud_event())

    assert own == from_binary(
        [(f"ce-{name}", str(value).encode()) for name, value in cloud_event(data=...).items()],
        b'{"url": "https://example.com/pricing"}',
        "ce-",
    )
    assert isinstance(from_structured({"specversion": "1.0"}), Reject)
