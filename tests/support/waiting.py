"""Waiting for what becomes true by itself: one patience for all tests.

It is long, since a loaded machine is slow and a good test waits no longer than it must. What is
only eventually true is read through here, never once after a sleep.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE_SECONDS = 120.0
"""Shorter than the timeout of a test, which ends its process: what was waited for is told."""
POLL_SECONDS = 0.05

_T = TypeVar("_T")


def eventually(
    ask: Callable[[], _T],
    wanted: Callable[[_T], object] = bool,
    *,
    what: str = "",
    seconds: float = PATIENCE_SECONDS,
) -> _T:
    """Ask again and again until the answer satisfies `wanted`; answers it, or fails with the last
    one."""
    deadline = time.monotonic() + seconds
    while not wanted(answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not so after {seconds:.0f} s: {what or ask} (the last answer: {answer!r})"
            )
        time.sleep(POLL_SECONDS)
    return answer


async def until(holds: Callable[[], object | Awaitable[object]]) -> None:
    """Wait until `holds()`, awaited if need be, is true."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await _answer(holds):
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise AssertionError(f"not so after {PATIENCE_SECONDS:.0f} s: {holds}") from error


async def _answer(ask: Callable[[], object | Awaitable[object]]) -> object:
    answer = ask()
    return await answer if inspect.isawaitable(answer) else answer
