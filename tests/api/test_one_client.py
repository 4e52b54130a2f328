"""One client can't hold the server: what is slow, silent or endless is ended, and others are served
meanwhile."""

import asyncio
import json
from dataclasses import replace
from ipaddress import ip_network

import pytest
import structlog
from fastapi import FastAPI

from healthsvc.flows.intake.append import Appender
from healthsvc.flows.projections import bootstrap
from healthsvc.runtime.connections import ConnectionLimits
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY, PARTITIONS, Switch, UrlChecker, make_app
from tests.api.serve import QUICK, served
from tests.support.clock import Clock
from tests.support.raw_http import Answer, Wire, ask, request

LIVEZ = request("GET", "/livez")
HALF_HEAD = b"POST /v1/events HTTP/1.1\r\nhost: test\r\nx-half"
HALF_BODY = request("POST", "/v1/events", b'{"id": ', key=ADMIN_KEY, content_length="1000")
PAUSE = 0.2


@pytest.fixture
async def slow_app(engine: AsyncEngine, clock: Clock) -> FastAPI:
    """The application, which waits a second for a body."""
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, PARTITIONS)
    return make_app(
        engine, Appender(engine, PARTITIONS), clock, UrlChecker(), Switch(), body_seconds=1.0
    )


async def test_half_a_head_is_answered_with_408_and_closed(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        await wire.send(HALF_HEAD)

        answer = await wire.answer()

        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert answer.problem["type"] == "/problems/request-timeout"
        assert await wire.closed() == b""


async def test_a_head_that_drips_is_ended_as_well(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        dripping = asyncio.create_task(
            _drip(wire, b"GET /livez HTTP/1.1\r\nx-slow: " + b"a" * 1000)
        )

        answer = await wire.answer()

        assert answer.status == 408
        dripping.cancel()


async def test_empty_lines_before_a_request_do_not_win_time(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        dripping = asyncio.create_task(_drip(wire, b"\r\n" * 1000))

        await wire.closed()

        dripping.cancel()


async def test_silence_is_closed(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)

        assert await wire.closed() == b""


async def test_a_second_request_has_a_limit_for_its_head_too(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        await wire.send(LIVEZ)
        first = await wire.answer()
        await wire.send(HALF_HEAD)

        second = await wire.answer()

        assert (first.status, second.status) == (200, 408)


async def test_half_a_body_is_answered_with_408_and_closed(slow_app: FastAPI) -> None:
    async with served(slow_app) as port:
        wire = await Wire.to(port)
        await wire.send(HALF_BODY)

        answer = await wire.answer()

        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert answer.problem["request_id"] == answer.headers["x-request-id"]
        assert await wire.closed() == b""


@pytest.mark.parametrize(
    "encoding", [{"content_length": "100000"}, {"transfer_encoding": "chunked"}]
)
async def test_a_body_that_drips_is_ended_as_well(
    slow_app: FastAPI, encoding: dict[str, str]
) -> None:
    async with served(slow_app) as port:
        wire = await Wire.to(port)
        await wire.send(request("POST", "/v1/events", b"", key=ADMIN_KEY, **encoding))
        dripping = asyncio.create_task(_drip(wire, b"1\r\n[\r\n" * 1000))

        answer = await wire.answer()

        assert answer.status == 408
        dripping.cancel()


async def test_a_body_that_nobody_waits_for_does_not_hold_the_connection(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        await wire.send(request("GET", "/livez", b"", content_length="100000"))
        answer = await wire.answer()
        dripping = asyncio.create_task(_drip(wire, b"a" * 1000))

        await wire.closed()

        assert (answer.status, answer.headers["connection"]) == (200, "close")
        dripping.cancel()


async def test_an_answer_that_is_not_read_does_not_hold_the_connection(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        wire.writer.transport.pause_reading()
        asking = asyncio.create_task(wire.send(request("GET", "/openapi.json") * 500))

        async with asyncio.timeout(60):
            while not wire.writer.transport.is_closing() and not asking.done():
                await asyncio.sleep(PAUSE)

        wire.close()
        await asking


async def test_hundreds_of_slow_connections_do_not_keep_others_from_being_served(
    app: FastAPI,
) -> None:
    async with served(app, replace(QUICK, per_address=300)) as port:
        slow = [await Wire.to(port) for _ in range(600)]
        for i, wire in enumerate(slow):
            await wire.send((HALF_HEAD, b"", b"\r\n")[i % 3])

        healthy = await ask(port, LIVEZ)
        await asyncio.gather(*(wire.closed() for wire in slow))

        assert healthy.status == 200


async def test_an_address_with_too_many_busy_connections_is_refused(slow_app: FastAPI) -> None:
    async with served(slow_app, ConnectionLimits(per_address=3)) as port:
        busy = [await Wire.to(port) for _ in range(3)]
        for wire in busy:
            await wire.send(_waiting())
        await asyncio.sleep(PAUSE)

        refused = await (await Wire.to(port)).answer()

        assert (refused.status, refused.problem["type"]) == (503, "/problems/unavailable")
        for wire in busy:
            wire.close()


async def test_a_trusted_proxy_may_hold_more_connections(slow_app: FastAPI) -> None:
    proxy = (ip_network("127.0.0.0/8"),)
    async with served(slow_app, ConnectionLimits(per_address=3, proxies=proxy)) as port:
        busy = [await Wire.to(port) for _ in range(6)]
        for wire in busy:
            await wire.send(_waiting())
        await asyncio.sleep(PAUSE)

        assert (await ask(port, LIVEZ)).status == 200
        for wire in busy:
            wire.close()


@pytest.mark.parametrize("key", [None, "wrong"])
async def test_the_key_is_looked_at_before_the_body_has_come(app: FastAPI, key: str | None) -> None:
    async with served(app) as port:
        refused = await ask(
            port, request("POST", "/v1/events", b"", key=key, content_length="1000000")
        )

        assert refused.status == 401


async def test_a_client_that_sends_all_of_a_large_body_still_reads_the_refusal(
    app: FastAPI,
) -> None:
    async with served(app) as port:
        refused = await ask(port, request("POST", "/v1/events", b"[" * 1_000_000))

        assert refused.status == 401


@pytest.mark.parametrize(
    ("method", "target", "size"),
    [
        ("POST", "/v1/events", 5_000_000),
        ("POST", "/v1/scorecards", 600_000),
        ("POST", "/v1/keys", 300_000),
    ],
)
async def test_a_body_over_the_limit_is_refused_while_it_comes(
    app: FastAPI, method: str, target: str, size: int
) -> None:
    async with served(app) as port:
        declared = await ask(
            port, request(method, target, b"", key=ADMIN_KEY, content_length=str(size))
        )
        chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
        wire = await Wire.to(port)
        await wire.send(request(method, target, b"", key=ADMIN_KEY, transfer_encoding="chunked"))
        endless = asyncio.create_task(wire.send(chunk * (size // 65_536 + 1)))
        streamed = await wire.answer()
        await endless

        assert (declared.status, streamed.status) == (413, 413)
        assert declared.problem["type"] == streamed.problem["type"] == "/problems/too-large"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nhost: t\r\n\r\n", 400),
        (b"POST /v1/events HTTP/1.1\r\nhost: t\r\ncontent-length: -5\r\n\r\n", 400),
        (
            (
                b"POST /v1/events HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\ncontent-length:"
                b" 6\r\n\r\n"
            ),
            400,
        ),
        (b"POST /v1/events HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"CONNECT host:1 HTTP/1.1\r\nhost: t\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: t\r\n\r\n", 414),
        (b"GET /livez?" + b"a=1&" * 100_000 + b" HTTP/1.1\r\nhost: t\r\n\r\n", 414),
        (b"GET /livez HTTP/1.1\r\nhost: t\r\n" + b"x: y\r\n" * 100_000 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nhost: t\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nhost: t\r\n" + b"x" * 1_000_000 + b": y\r\n\r\n", 431),
    ],
)
async def test_what_is_not_http_is_a_problem_too(app: FastAPI, sent: bytes, status: int) -> None:
    async with served(app) as port:
        answer = await ask(port, sent)

        assert (answer.status, answer.problem["status"]) == (status, status)


async def test_a_flood_of_requests_on_one_connection_is_cut_off(app: FastAPI) -> None:
    async with served(app) as port:
        answer = await ask(port, b"GET /livez HTTP/1.1\r\nhost: t\r\n\r\n" * 3000)

        assert answer.status in (200, 400)
        assert (await ask(port, LIVEZ)).status == 200


async def test_a_websocket_is_not_opened(app: FastAPI) -> None:
    async with served(app) as port:
        answer = await ask(
            port,
            request(
                "GET",
                "/livez",
                upgrade="websocket",
                connection="Upgrade",
                sec_websocket_key="dGVzdA==",
            ),
        )

        assert answer.status == 200


async def test_a_client_that_hangs_up_amid_its_body_is_no_error(app: FastAPI) -> None:
    with structlog.testing.capture_logs() as lines:
        async with served(app) as port:
            wire = await Wire.to(port)
            await wire.send(HALF_BODY)
            await asyncio.sleep(PAUSE)
            wire.close()
            await _until(lambda: [line for line in lines if line.get("route") == "/v1/events"])

    (line,) = [line for line in lines if line.get("route") == "/v1/events"]
    assert line["status"] == 499
    assert not [line for line in lines if line["log_level"] in ("error", "critical")]


async def test_requests_one_after_another_share_a_connection(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        answers: list[Answer] = []
        for _ in range(20):
            await wire.send(LIVEZ)
            answers.append(await wire.answer())

        assert {answer.status for answer in answers} == {200}


async def test_requests_sent_at_once_are_answered_in_order(app: FastAPI) -> None:
    async with served(app) as port:
        wire = await Wire.to(port)
        targets = ["/livez", "/problems/not-found", "/nothing"] * 3
        await wire.send(b"".join(request("GET", target) for target in targets))

        answers = [await wire.answer() for _ in targets]

        assert [answer.status for answer in answers] == [200, 200, 404] * 3


def _waiting() -> bytes:
    """A request that waits until its event is counted, which nobody does here."""
    event = {
        "id": "e-1",
        "source": "test",
        "type": "session.started",
        "customer_id": "acme",
        "occurred_at": "2026-03-01T09:30:00Z",
        "data": {},
    }
    return request(
        "POST", "/v1/events", json.dumps(event).encode(), key=ADMIN_KEY, prefer="wait=20"
    )


async def _drip(wire: Wire, data: bytes) -> None:
    for i in range(len(data)):
        await wire.send(data[i : i + 1])
        await asyncio.sleep(PAUSE)


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(PAUSE)
