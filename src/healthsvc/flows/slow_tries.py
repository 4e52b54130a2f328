"""Notices tries that take long while they run."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from healthsvc.core.slots import SLOW_SECONDS

STALL_SECONDS: Final = 0.25


@contextmanager
def watching(mark_slow: Callable[[], None]) -> Iterator[None]:
    """Call `mark_slow` if the block takes longer than SLOW_SECONDS.

    An event loop that stands still delays everybody's answers, so a timer that fires late waits once more.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def fire() -> None:
        nonlocal timer
        if loop.time() - timer.when() > STALL_SECONDS:
            timer = loop.call_later(SLOW_SECONDS, fire)
        else:
            mark_slow()

    timer = loop.call_later(SLOW_SECONDS, fire)
    try:
        yield
    finally:
        timer.cancel()
