"""Reads of the inputs that are under way: at most one of each input."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from healthsvc.flows.processing.ports import Input, InputReading


class CompletedRead(NamedTuple):
    """The result of a read."""

    source: Input
    reading: InputReading
    asked_at: datetime
    """When the read began."""


class Reads:
    """Starts reads and hands out their results. Call `cancel` at the end."""

    def __init__(self, inputs: Sequence[Input], now: Callable[[], datetime]) -> None:
        self._inputs, self._now = inputs, now
        self._tasks: dict[asyncio.Task[InputReading], tuple[Input, datetime]] = {}

    @property
    def tasks(self) -> set[asyncio.Task[InputReading]]:
        return {*self._tasks}

    def start(self, max_records: int, timeout_seconds: float) -> None:
        """Start a read of each input that has none under way."""
        busy = [source for source, _ in self._tasks.values()]
        for source in self._inputs:
            if source not in busy:
                task = asyncio.create_task(source.read(max_records, timeout_seconds))
                self._tasks[task] = (source, self._now())

    def completed(self) -> Iterator[CompletedRead]:
        """The reads that have ended. Raises what a read raised."""
        for task in [t for t in self._tasks if t.done()]:
            source, asked_at = self._tasks.pop(task)
            yield CompletedRead(source, task.result(), asked_at)

    async def settled(self) -> AsyncIterator[CompletedRead]:
        """All reads under way, each once it has ended."""
        for task, (source, asked_at) in list(self._tasks.items()):
            reading = await task
            del self._tasks[task]
            yield CompletedRead(source, reading, asked_at)

    async def cancel(self) -> None:
        """Cancel the reads under way, and wait for their end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
