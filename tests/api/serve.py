"""The API on a real socket, with limits that a test can wait for."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from healthsvc.runtime import serving
from healthsvc.runtime.connections import ConnectionLimits

QUICK = ConnectionLimits(head_seconds=1.0, response_seconds=1.0)
PROBE_SECONDS = 0.005


@asynccontextmanager
async def served(app: FastAPI, limits: ConnectionLimits = QUICK) -> AsyncIterator[int]:
    """The port on which the application is served."""
    bound = serving.bind("127.0.0.1", 0)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(serving.serve(app, bound, stop, ready.set, limits))
    await ready.wait()
    try:
        yield bound.getsockname()[1]
    finally:
        stop.set()
        await task


class LagProbe:
    """How long the event loop was held up at most, by any thread of this process.

    In processor time, since a test doesn't have the machine to itself.
    """

    def __init__(self) -> None:
        self.worst = 0.0

    async def __aenter__(self) -> "LagProbe":
        self._task = asyncio.create_task(self._run())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            before = time.process_time()
            await asyncio.sleep(PROBE_SECONDS)
            self.worst = max(self.worst, time.process_time() - before)
