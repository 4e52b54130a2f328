"""Waiting for NOTIFY on a connection of its own, so that roles wake at once instead of polling."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import asyncpg

from healthsvc.store.database.engine import connect
from healthsvc.store.database.outage import AWAY

RECONNECT_SECONDS = 1.0


class Listener:
    """One waiter's ear on some channels; use it as an async context manager, from one event loop.

    A notification that arrives between two waits is kept for the next one. A channel's first wait,
    and the first after a lost connection, answer True at once: something may have been said before
    we listened, so look.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None
        self._heard: set[str] = set()
        self._listening: set[str] = set()
        self._wake = asyncio.Event()
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()

    async def wait(self, channels: set[str], timeout: float) -> bool:
        """True as soon as one of `channels` was notified; False after `timeout`, the server being
        away or not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            listening = await self._listen(channels, deadline - loop.time())
            if self._heard & channels:
                self._heard -= channels
                return True
            remaining = deadline - loop.time()
            if remaining <= 0:
                return False
            await self._sleep(remaining if listening else min(remaining, RECONNECT_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _listen(self, channels: set[str], seconds: float) -> bool:
        """Listen to `channels` on a live connection; False if there is none to be had within
        `seconds`."""
        async with self._connecting:
            try:
                async with asyncio.timeout(max(seconds, 0.01)):
                    await self._reconnect()
                    for channel in channels - self._listening:
                        assert self._connection is not None
                        await self._connection.add_listener(channel, self._on_notify)
                        self._listening.add(channel)
                        self._heard.add(channel)
            except (asyncpg.PostgresError, *AWAY):
                return False
            return True

    async def _reconnect(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        self._listening.clear()
        self._connection = await connect(self._dsn, application="healthsvc-listen")
        self._connection.add_termination_listener(self._on_lost)

    def _on_notify(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._heard.add(channel)
        self._wake.set()

    def _on_lost(self, connection: object) -> None:
        self._wake.set()
