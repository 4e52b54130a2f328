"""Lookups in threads: a name server that hangs for some names leaves threads to others."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from healthsvc.webhooks import resolver
from healthsvc.webhooks.resolver import THREADS, UNPROVEN_THREADS, SystemResolver

ADDRESS = "192.0.2.1"


class NameServer:
    """Stands for the system's lookup: names that begin with `hanging` get no answer before
    `recovered` is set."""

    def __init__(self) -> None:
        self.asked = Counter[str]()
        self.recovered = threading.Event()

    def lookup(self, host: str, port: int) -> list[str]:
        self.asked[host] += 1
        if host.startswith("hanging"):
            self.recovered.wait()
            raise OSError(host)
        return [ADDRESS]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(resolver, "lookup", server.lookup)
    yield server
    server.recovered.set()


async def _give_up(resolve: SystemResolver, host: str) -> None:
    """Ask, and stop waiting, as the guard does after some seconds."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await resolve(host, 443)


async def test_a_name_that_hangs_takes_one_thread_however_often_it_is_asked_for(
    name_server: NameServer,
) -> None:
    resolve = SystemResolver()
    for _ in range(2 * THREADS):
        asking = asyncio.create_task(resolve("hanging", 443))
        await asyncio.sleep(0)
        asking.cancel()
    await _give_up(resolve, "hanging")

    assert await resolve("other", 443) == [ADDRESS]
    assert name_server.asked["hanging"] == 1
    resolve.close()


async def test_names_that_hang_leave_threads_to_names_that_were_resolved_before(
    name_server: NameServer,
) -> None:
    resolve = SystemResolver()
    await resolve("proven", 443)
    await asyncio.gather(*(_give_up(resolve, f"hanging {number}") for number in range(2 * THREADS)))

    assert await resolve("proven", 443) == [ADDRESS]
    assert name_server.asked.total() == 2 + UNPROVEN_THREADS
    resolve.close()


async def test_a_name_is_looked_up_again_after_a_failure(name_server: NameServer) -> None:
    resolve = SystemResolver()
    name_server.recovered.set()
    for _ in range(2):
        with pytest.raises(OSError, match="hanging"):
            await resolve("hanging", 443)

    assert name_server.asked["hanging"] == 2
    resolve.close()
