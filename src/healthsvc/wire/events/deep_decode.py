"""Decoding that doesn't depend on the caller's stack: how deep is too deep must be the same
everywhere.

Otherwise an event that was accepted once couldn't be read from the archive later.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def on_an_empty_stack(decode: Callable[[bytes], _T], value: bytes) -> _T:
    """What `decode` makes of the value, in a thread of its own; for what raised RecursionError
    here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(decode, value).result()
