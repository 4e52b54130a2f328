"""Ways in which receivers misbehave: whatever they do, deliveries to others arrive meanwhile."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from healthsvc.store.database.engine import AsyncEngine
from tests.flows.delivery.test_deliver import LONG_LEASE, Rig, real_now
from tests.store.delivery.outbox import enqueue, make_endpoint, make_message, rows
from tests.webhooks.receiver import (
    Behave,
    HangUpError,
    Received,
    Receiver,
    Write,
    receiving,
    replying,
)

HEALTHY = 50
BEYOND_ALL_CALENDARS = "Fri, 31 Dec 9999 23:59:59 GMT"


@pytest.fixture
def rig(engine: AsyncEngine, database_url: str) -> Rig:
    return Rig(engine, database_url, real_now)


async def hang(received: Received, write: Write) -> None:
    await asyncio.Event().wait()


async def reset(received: Received, write: Write) -> None:
    raise HangUpError


async def drip_headers(received: Received, write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await write(b"x-more: 1\r\n")
        await asyncio.sleep(0.05)


async def drip_body(received: Received, write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
    while True:
        await write(b"x")
        await asyncio.sleep(0.05)


async def pour_body(received: Received, write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        await write(b"4000\r\n" + bytes(0x4000) + b"\r\n")


async def pour_header(received: Received, write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\nx-huge: ")
    while True:
        await write(b"x" * 0x4000)


async def announce_for_ever(received: Received, write: Write) -> None:
    while True:
        await write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0.05)


async def answer_garbage(received: Received, write: Write) -> None:
    await write(b"\0\xff\r\n\r\n")


BAD: dict[str, Behave] = {
    "hangs": hang,
    "resets": reset,
    "drips headers": drip_headers,
    "drips a body": drip_body,
    "pours a body": pour_body,
    "pours a header": pour_header,
    "announces for ever": announce_for_ever,
    "answers garbage": answer_garbage,
    "redirects": replying(302, location="http://127.0.0.1:1/"),
    "gzip bomb": replying(200, gzip.compress(bytes(50_000_000)), content_encoding="gzip"),
    "429 with a far date": replying(429, retry_after=BEYOND_ALL_CALENDARS),
    "429 with a negative delay": replying(429, retry_after="-5"),
    "429 with NaN": replying(429, retry_after="NaN"),
    "429 with a long number": replying(429, retry_after="9" * 5000),
    "503 with a date of the year 1": replying(503, retry_after="Mon, 01 Jan 0001 00:00:00 +1400"),
}


@asynccontextmanager
async def accepting_only() -> AsyncIterator[int]:
    """A port that accepts connections, and never reads."""

    def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # of the transport that it is

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_bad_endpoints_of_every_kind_dont_delay_fifty_others(
    rig: Rig, engine: AsyncEngine
) -> None:
    async with AsyncExitStack() as stack, receiving() as well:
        bad: list[Receiver] = [
            await stack.enter_async_context(receiving(each)) for each in BAD.values()
        ]
        deaf = await stack.enter_async_context(accepting_only())
        urls = [each.url for each in bad] + [
            f"http://127.0.0.1:{deaf}/hook",
            f"https://127.0.0.1:{deaf}/hook",
        ]
        for url in urls:
            await make_endpoint(engine, url)
        for _ in range(HEALTHY):
            await make_endpoint(engine, well.url)
        task = await _deliver(rig, stack)

        for number in range(1, 7):
            await enqueue(engine, make_message())
            await well.got(HEALTHY * number)

        for receiver in bad:
            await receiver.got(1)
        assert not task.done()
        unfinished = (
            "select 1 from attempts a join deliveries d on d.id = a.delivery_id where a.outcome ="
            " 'timeout'"
        )
        assert await rows(engine, unfinished) == [], "those that hang still do"
        task.cancel()


async def _deliver(rig: Rig, stack: AsyncExitStack) -> "asyncio.Task[None]":
    return await stack.enter_async_context(rig.delivering(limits=LONG_LEASE))


async def test_an_endpoint_that_hangs_every_other_time_doesnt_delay_the_others(
    rig: Rig, engine: AsyncEngine
) -> None:
    turn = 0

    async def every_other(received: Received, write: Write) -> None:
        nonlocal turn
        turn += 1
        await (replying(200) if turn % 2 else hang)(received, write)

    async with AsyncExitStack() as stack, receiving(every_other) as fickle, receiving() as well:
        for number in range(30):
            await make_endpoint(engine, fickle.url if number < 15 else well.url)
        task = await _deliver(rig, stack)

        for number in range(1, 21):
            await enqueue(engine, make_message())
            await well.got(15 * number)

        assert await rows(engine, "select 1 from attempts where outcome <> 'delivered'") == []
        task.cancel()
