"""Nothing in a request's content makes the service fail, or holds up what else it does."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Mapping
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from healthsvc.runtime.connections import ConnectionLimits
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY
from tests.api.rows import add_customer
from tests.api.serve import LagProbe, served
from tests.support.raw_http import Answer, ask, request

ROOMY = ConnectionLimits()
MOST = 8.0  # generous: what is mended took 18 to 600 times the reference
WHEN = "2026-03-01T09:30:00Z"
TARGET = (
    '{"id": "%s", "source": "t", "type": "my.own", "customer_id": "acme", "occurred_at": "%s",'
    ' "data": %s}'
)


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    """The port of the API as it is once the process has warmed up: what is used for the first time
    isn't measured."""
    gc.collect()
    gc.freeze()
    async with served(app, ROOMY) as port:
        for sent in (
            call("GET", "/v1/customers"),
            call("POST", "/v1/events", event("{}", id="warm").encode()),
        ):
            assert (await ask(port, sent)).status < 300
        yield port
    gc.unfreeze()


def call(method: str, target: str, body: Any = None, **headers: str) -> bytes:
    """A request with the admin key; a body that isn't bytes is sent as JSON."""
    sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    return request(method, target, sent, key=ADMIN_KEY, **headers)


def event(data: str, *, id: str = "e-1", at: str = WHEN) -> str:
    return TARGET % (id, at, data)


def reference_seconds() -> float:
    """How long something takes, here and now, that takes about 50 ms on a machine of today."""
    started = time.process_time()
    sum(range(2_000_000))
    return time.process_time() - started


async def ask_and_probe(port: int, sent: bytes) -> tuple[Answer, float]:
    """The answer, and how long the loop was held up meanwhile, in units of the reference."""
    async with LagProbe() as probe:
        answer = await ask(port, sent)
    return answer, probe.worst / max(0.05, reference_seconds())


YAML: Mapping[str, tuple[str, str]] = {
    "an impossible date": ("a: 2026-99-99", "/document/a"),
    "a possible date": ("a: 2026-09-09", "/document/a"),
    "an impossible time": ("a: 2026-01-01T99:99:99Z", "/document/a"),
    "an enormous number": ("version: " + "9" * 5000, "/document/version"),
    "a number beyond 64 bits": ("version: 9223372036854775808", "/document/version"),
    "a number of minutes": ("a: " + ":".join(["1"] * 50_000), "/document/a"),
    "deep lists": ("[" * 20_000, "/document" + "/0" * 32),
    "deep mappings": ("{a: " * 3000 + "1" + "}" * 3000, "/document" + "/a" * 32),
    "deep block lists": ("- " * 20_000, "/document" + "/0" * 32),
    "a long list": ("a: [" + "1," * 100_000 + "1]", "/document"),
    "a tag of Python": ("a: !!python/object/apply:os.system [x]", "/document/a"),
    "a tag of its own": ("a: !own 1", "/document/a"),
    "bytes": ("a: !!binary aGk=", "/document/a"),
    "broken bytes": ("a: !!binary '='", "/document/a"),
    "a set": ("a: !!set {x, y}", "/document/a"),
    "pairs": ("a: !!pairs [x: 1]", "/document/a"),
    "an ordered map": ("a: !!omap [x: 1]", "/document/a"),
    "a tag that doesn't fit": ("a: !!int x", "/document/a"),
    "another tag that doesn't fit": ("a: !!bool x", "/document/a"),
    "a timestamp that is none": ("a: !!timestamp x", "/document/a"),
    "not a number": ("a: .nan", "/document/a"),
    "infinity": ("a: -.inf", "/document/a"),
    "a number as a key": ("a: {1: 2}", "/document/a"),
    "null as a key": ("a: {~: 2}", "/document/a"),
    "a list as a key": ("a: {[1]: 2}", "/document/a"),
    "many anchors": ("\n".join(f"k{i}: &a{i} 1" for i in range(15_000)), "/document"),
    "many aliases": ("a: &a 1\nb: [" + "*a," * 1000 + "]", "/document/b/100"),
    "ever more aliases": (
        "\n".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}' if i else 'x'] * 9)}]" for i in range(9)),
        "/document",
    ),
    "an alias within itself": ("a: &a [*a]", "/document/a/0"),
    "an alias of nothing": ("a: *b", "/document/a"),
    "a merge of nothing": ("a: {<<: 1}", "/document/a"),
    "U+0000": ('a: "\\0"', "/document/a"),
    "a lone surrogate": ('a: "\\ud800"', "/document"),
    "two documents": ("a: 1\n---\nb: 2", "/document"),
    "an unclosed quote": ("a: 'x", "/document"),
    "a directive": ("%YAML 9.9\n---\na: 1", "/document"),
    "a list": ("[1]", "/document"),
    "a word": ("x", "/document"),
    "nothing": ("", "/document"),
}  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/scorecards", "/v1/scorecards/validate"])
async def test_yaml_that_cannot_be_used_is_refused_with_its_place(port: int, path: str) -> None:
    places = {}
    for name, (document, _) in YAML.items():
        answer, held_up = await ask_and_probe(port, call("POST", path, {"document": document}))
        assert (name, answer.status) == (name, 422)
        assert held_up < MOST, name
        places[name] = answer.problem["errors"][0]["pointer"]

    assert places == {name: pointer for name, (_, pointer) in YAML.items()}


async def test_the_place_in_a_text_is_told_by_line_and_column(port: int) -> None:
    answer = await ask(
        port, call("POST", "/v1/scorecards/validate", {"document": "name: x\na:\n  - 2026-99-99\n"})
    )

    assert answer.problem["errors"][0]["pointer"] == "/document/a/0"
    assert "(line 3, column 5)" in answer.problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    "document",
    [
        b"9" * 5000,
        b'{"a": ' + b"9" * 400_000 + b"}",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a": ' * 1000 + b"1" + b"}" * 1000,
        b'{"a": [' + b"1," * 200_000 + b"1]}",
        b"{" + b",".join(b'"%d": 1' % i for i in range(40_000)) + b"}",
        b'{"a": "' + b"\\n" * 200_000 + b'"}',
    ],
    ids=range(12),
)
async def test_a_scorecard_as_json_is_held_to_the_same_bounds(port: int, document: bytes) -> None:
    answer, held_up = await ask_and_probe(
        port, call("POST", "/v1/scorecards/validate", b'{"document": %s}' % document)
    )

    assert answer.status in (400, 422)
    assert answer.problem["errors"] or answer.status == 400
    assert held_up < MOST


@pytest.mark.parametrize(
    "document",
    [
        "a: [" + "1," * 1_000_000 + "1]",
        "\n".join(f"k{i}: &a{i} 1" for i in range(100_000)),
        "x" * 2_000_000,
    ],
)
async def test_two_megabytes_of_yaml_are_refused_unread(port: int, document: str) -> None:
    answer, held_up = await ask_and_probe(
        port, call("POST", "/v1/scorecards/validate", {"document": document})
    )

    assert answer.status == 413
    assert held_up < MOST


MANY = 1000
EVENTS: Mapping[str, tuple[bytes, int]] = {
    "brackets": (b"[" * 800_000, 400),
    "closed brackets": (b"[" * 400_000 + b"]" * 400_000, 422),
    "more brackets": (b"[" * 4_000_000, 400),
    "tiny numbers": (b"[" + b"1," * 2_000_000 + b"1]", 413),
    "tiny texts": (b"[" + b'"",' * 1_300_000 + b'""]', 413),
    "empty objects": (b"[" + b"{}," * 1_300_000 + b"{}]", 413),
    "quotes": (b'["' + b'\\"' * 2_000_000 + b'"]', 422),
    "an unclosed quote": (b'["' + b'\\"' * 2_000_000, 400),
    "a long number": (b"9" * 1_000_000, 422),
    "a long number in an array": (b"[" + b"9" * 1_000_000 + b"]", 422),
    "a number in an event": (event("9" * 1_000_000).encode(), 422),
    "many keys": (b"{" + b",".join(b'"%d":1' % i for i in range(300_000)) + b"}", 422),
    "a deep event": (event("[" * 500_000 + "]" * 500_000).encode(), 422),
    "events full of numbers": (
        b"[" + b",".join(event('{"a": [%s1]}' % ("1," * 30_000)).encode() for _ in range(60)) + b"]", 202,
    ),
    "events full of keys": (
        b"[" + b",".join(event(json.dumps({str(k): 1 for k in range(4000)})).encode() for _ in range(60)) + b"]", 202,
    ),
    "events with a lone surrogate": (
        b"[" + b",".join(event('{"a": "\\ud800%s"}' % ("\\u00e9" * 150)).encode() for _ in range(900)) + b"]", 422,
    ),
    "a thousand events in which all is wrong": (
        b"[" + b",".join([event("[]", at="x").replace("my.own",
        "page.viewed").encode()] * MANY) + b"]", 422,
    ),
    "CloudEvents in which all is wrong": (
        b"[" + b",".join([b'{"specversion": "1.0", "data": {"a": [%s1]}}' % (b"[]," * 18_000)] * 60) + b"]", 422,
    ),
    "a thousand good events": (b"[" + b",".join(event("{}",
    id=str(i)).encode() for i in range(MANY)) + b"]", 202),
    "spaces": (b" " * 4_000_000, 400),
    "spaces in an array": (b"[" + b" " * 4_000_000 + b"]", 422),
    "bytes that aren't UTF-8": (b"[" + b'"\xff\xfe",' * 500_000 + b"1]", 413),
}  # fmt: skip


async def test_no_body_of_events_holds_up_the_loop(port: int) -> None:
    statuses: dict[str, int] = {}
    for name, (body, _) in EVENTS.items():
        answer, held_up = await ask_and_probe(port, call("POST", "/v1/events", body))

        statuses[name] = answer.status
        assert held_up < MOST, name
    assert statuses == {name: status for name, (_, status) in EVENTS.items()}


async def test_the_descriptions_do_not_hold_up_the_loop_once_they_are_made(port: int) -> None:
    await ask(port, request("GET", "/docs"))

    for path in ("/docs", "/openapi.json"):
        answer, held_up = await ask_and_probe(port, request("GET", path))
        assert answer.status == 200
        assert held_up < MOST


IN_PLACE = "/v1/customers/acme"
STRICT = [
    ("GET", f"{IN_PLACE}/health/explanation?at=0.5", None),
    ("GET", f"{IN_PLACE}/health/explanation?at=1700000000", None),
    ("GET", f"{IN_PLACE}/health/explanation?at=2026-01-01", None),
    ("GET", f"{IN_PLACE}/health/explanation?at=0001-01-01T00:00:00%2B23:59", None),
    ("GET", f"{IN_PLACE}/health/explanation?at=9999-12-31T23:59:59-23:59", None),
    ("GET", f"{IN_PLACE}/health/explanation?at=2026-01-01T00:00:00", None),
    ("GET", f"{IN_PLACE}/health/explanation?language=xx", None),
    ("GET", f"{IN_PLACE}/health/history?from=1", None),
    ("GET", f"{IN_PLACE}/health/diff?from=1.5&to=2", None),
    ("GET", "/v1/portfolio?from=12", None),
    ("GET", f"/v1/customers?limit={10**30}", None),
    ("GET", "/v1/customers?limit=5.0", None),
    ("GET", "/v1/customers?limit=%205", None),
    ("GET", "/v1/customers?limit=1_0", None),
    ("GET", "/v1/customers?limit=%D9%A5", None),
    ("GET", "/v1/customers?limit=true", None),
    ("GET", "/v1/customers?loyalty_min=nan", None),
    ("GET", "/v1/customers?loyalty_min=1e999", None),
    ("GET", "/v1/customers?icp_fit_min=true", None),
    ("GET", "/v1/customers?band=%00", None),
    ("GET", "/v1/customers?cursor=%00", None),
    ("GET", "/v1/customers?cursor=%C3%BF%C3%BE", None),
    ("GET", "/v1/customers?cursor=WzEsMl0", None),
    ("GET", "/v1/customers?cursor=" + "W" * 3000, None),
    ("GET", "/v1/customers?" + "&".join(f"a{i}=1" for i in range(1500)), None),
    ("GET", "/v1/dead-letters?replayed=1", None),
    ("GET", "/v1/dead-letters?replayed=yes", None),
    ("GET", "/v1/scorecards/shadow/customers?moved=on", None),
    ("GET", "/v1/worklist?limit=1.0", None),
    ("GET", "/v1/scorecards/1.0", None),
    ("GET", "/v1/scorecards/1_0", None),
    ("GET", "/v1/dead-letters/%201", None),
    ("GET", f"/v1/lab/runs/{10**30}", None),
    (
        "POST",
        f"{IN_PLACE}/override",
        {"score": False, "reason": "x", "expires_at": "2027-01-01T00:00:00Z"},
    ),
    (
        "POST",
        f"{IN_PLACE}/override",
        {"score": "80", "reason": "x", "expires_at": "2027-01-01T00:00:00Z"},
    ),
    (
        "POST",
        f"{IN_PLACE}/override",
        {"score": 80, "reason": 5, "expires_at": "2027-01-01T00:00:00Z"},
    ),
    ("POST", f"{IN_PLACE}/override", {"score": 80, "reason": "x", "expires_at": 1798761600}),
    ("POST", f"{IN_PLACE}/override", {"score": 80, "reason": "x", "expires_at": "1798761600"}),
    (
        "POST",
        f"{IN_PLACE}/override",
        {"score": 1e300, "reason": "x", "expires_at": "2027-01-01T00:00:00Z"},
    ),
    ("POST", "/v1/scorecards/rebuild", {"with_gaps": 0}),
    ("POST", "/v1/scorecards/rebuild", {"with_gaps": "false"}),
    ("POST", "/v1/scorecards/1/publish", {"with_gaps": 1}),
    ("POST", "/v1/scorecards/1/shadow", {"with_gaps": "yes"}),
    ("POST", "/v1/lab/runs", {"kind": "fit", "capacity": "25"}),
    ("POST", "/v1/lab/runs", {"kind": "fit", "capacity": 25.5}),
    ("POST", "/v1/lab/runs", {"kind": "fit", "horizon_days": True}),
    ("POST", "/v1/dead-letters/replay", {"ids": ["1"]}),
    ("POST", "/v1/dead-letters/replay", {"ids": [True]}),
    ("POST", "/v1/dead-letters/replay", {"reason": 1}),
    ("POST", "/v1/keys", {"name": 5, "scopes": ["admin"]}),
    ("POST", "/v1/keys", {"name": "x", "scopes": "admin"}),
    ("POST", "/v1/keys", {"name": "x", "scopes": ["admin"], "expires_at": 1}),
    ("POST", "/v1/webhooks/endpoints", {"url": 1}),
    ("POST", "/v1/webhooks/endpoints", {"url": "https://x.example", "event_types": "alert.raised"}),
    ("POST", "/v1/alerts/a/resolve", {"note": 1}),
]


async def test_a_value_of_another_type_is_refused_with_its_place(port: int) -> None:
    for method, target, body in STRICT:
        answer = await ask(port, call(method, target, body))

        assert (target, body, answer.status) == (target, body, 422)
        assert answer.problem["errors"][0]["pointer"].startswith("/")


OTHER_METHODS = [
    ("GET", "/v1/scorecards/validate", "POST"),
    ("GET", "/v1/scorecards/rebuild", "POST"),
    ("GET", "/v1/scorecards/cancel", "POST"),
    ("POST", "/v1/scorecards/status", "GET, HEAD"),
    ("POST", "/v1/scorecards/shadow", "DELETE, GET, HEAD"),
    ("GET", "/v1/dead-letters/replay", "POST"),
    ("GET", "/v1/dead-letters/1/replay", "POST"),
    ("GET", "/v1/customers/acme/override", "DELETE, POST"),
    ("GET", "/v1/scorecards/1/publish", "POST"),
    ("DELETE", "/v1/customers/acme", "GET, HEAD"),
    ("POST", "/v1/customers/acme/health/explanation", "GET, HEAD"),
    ("TRACE", "/v1/events", "POST"),
]


async def test_a_word_that_is_not_an_id_is_a_path_with_its_own_methods(port: int) -> None:
    for method, target, allowed in OTHER_METHODS:
        answer = await ask(port, call(method, target))

        assert (target, answer.status, answer.headers["allow"]) == (target, 405, allowed)
        assert answer.problem["type"] == "/problems/method-not-allowed"


NAMES = [
    "a/health/explanation", "a/override", "a/events", "a/b", "/", "//", "a%2Fb", "%", "100%", "a?b=c", "a#b", "a b",
    "a+b", ".", "..", "../..", "é", "日本", "😀", "'", '"', "\\", "a;b", "a&b=c", "{customer_id}",
    "x" * 512,
]  # fmt: skip
ROUTES = [
    "",
    "/health/explanation",
    "/health/history",
    "/events",
    "/contacts",
    "/health/diff?from=2026-01-01T00:00:00Z",
]


@pytest.fixture
async def named(engine: AsyncEngine, app: FastAPI) -> None:
    """Customers of these names, known and not yet evaluated."""
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into customers (customer_id, partition) select unnest(cast(:n as"
                " text[])), 0"
            ),
            {"n": NAMES},
        )


async def test_a_customer_of_any_name_is_read_by_every_route(port: int, named: None) -> None:
    for name, rest in product(NAMES, ROUTES):
        answer = await ask(port, call("GET", f"/v1/customers/{quote(name, safe='')}{rest}"))

        assert (name, rest, answer.status) == (name, rest, 200)


NO_ID = ["%00", "%ff", "%ed%a0%80", "%c0%af", "%", "%zz", "x" * 3000, "%20" * 600]


async def test_an_id_that_no_customer_can_have_is_no_failure(port: int) -> None:
    for target, rest in product(NO_ID, ["", "/health/explanation", "/contacts", "/override"]):
        answer = await ask(port, call("GET", f"/v1/customers/{target}{rest}"))

        assert answer.status in (404, 405, 422), (target, rest)
        assert answer.problem["request_id"]


ODD_HEADERS: list[dict[str, str]] = [
    {"if_match": '"' + "9" * 5000 + '"'},
    {"if_match": "\xff\xfe"},
    {"if_none_match": ",".join(['"1"'] * 5000)},
    {"content_type": "application/json; charset=utf-7"},
    {"content_type": "application/json; charset="},
    {"content_type": "\xff"},
    {"content_encoding": "gzip"},
    {"content_encoding": "br, gzip"},
    {"prefer": "wait=" + "9" * 5000},
    {"prefer": "wait=-1, wait=x," * 500},
    {"idempotency_key": "x" * 5000},
    {"x_request_id": "\xff" * 100},
    {"accept": "*/*;q=nonsense"},
    {"accept_language": "\xff"},
    {"range": "bytes=1-0"},
    {"cookie": "a=" + "b" * 10_000},
    {"expect": "something"},
    {"ce_specversion": "\xff", "ce_id": "%ff", "ce_time": "%00"},
    {"x_forwarded_for": "not an address, " * 100},
    {"x_forwarded_proto": "nonsense"},
    {"host": "\xff"},
]


async def test_odd_headers_are_no_failure(port: int) -> None:
    calls = (
        ("POST", "/v1/events", event("{}").encode()),
        ("POST", "/v1/alerts/x/resolve", b"{}"),
        ("GET", "/v1/alerts/x", None),
    )
    for headers, (method, target, body) in product(ODD_HEADERS, calls):
        answer = await ask(port, call(method, target, body, **headers))

        assert 200 <= answer.status < 500, headers


async def test_an_authorization_of_any_bytes_is_refused(port: int) -> None:
    for said in (
        "Bearer \xff",
        "Bearer " + "x" * 20_000,
        "Bearer",
        "Basic eDp5",
        "",
        "Bearer a b c",
    ):
        answer = await ask(port, request("GET", "/v1/customers", authorization=said))

        assert answer.status == 401


async def test_good_requests_are_answered_while_bad_ones_are_refused(port: int) -> None:
    bad = [
        asyncio.create_task(ask(port, call("POST", "/v1/events", body)))
        for body, _ in list(EVENTS.values())[:12]
    ]
    good = [
        await ask(port, call("POST", "/v1/events", event("{}", id=str(i)).encode()))
        for i in range(20)
    ]

    assert {answer.status for answer in good} == {202}
    assert {(await task).status for task in bad} <= {202, 400, 413, 422}


async def test_large_batches_at_once_do_not_hold_up_the_loop(port: int) -> None:
    def batch(lane: int) -> bytes:
        events = (
            event("{}", id=f"{lane}/{i}").replace("acme", f"c-{lane}-{i % 300}")
            for i in range(MANY)
        )
        return f"[{','.join(events)}]".encode()

    bodies = [batch(lane) for lane in range(8)]
    async with LagProbe() as probe:
        answers = await asyncio.gather(
            *(ask(port, call("POST", "/v1/events", body)) for body in bodies)
        )

    assert {answer.status for answer in answers} == {202}
    assert probe.worst / max(0.05, reference_seconds()) < MOST


async def test_an_owner_whose_name_is_empty_is_not_no_owner(port: int, engine: AsyncEngine) -> None:
    await add_customer(engine, "empty", owner="")
    await add_customer(engine, "kim-s", owner="kim")
    await add_customer(engine, "nobody-s", owner=None)

    answer = await ask(port, call("GET", "/v1/customers?owner="))
    waiting = await ask(port, call("GET", "/v1/worklist?owner="))
    alerts = await ask(port, call("GET", "/v1/alerts?owner="))

    assert [(item["customer_id"], item["owner"]) for item in json.loads(answer.body)["items"]] == [
        ("empty", "")
    ]
    assert (waiting.status, alerts.status) == (200, 200)
