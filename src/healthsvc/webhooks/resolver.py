"""Resolves names in threads of its own, so that a name server that hangs delays only the names it
is asked for."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

THREADS: Final = 128  # started when needed; the loop's own few threads stay free
UNPROVEN_THREADS: Final = 96  # for names that weren't resolved before
REMEMBERED: Final = 4096


class SystemResolver:
    """The operating system's resolver. Call it; close it at the end.

    A lookup can't be cancelled, so each name has at most one at a time, which all that ask for it
    share, and names that never resolved or failed last share three quarters of the threads: the
    others always have some left.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolve")
        self._unproven = asyncio.Semaphore(UNPROVEN_THREADS)
        self._proven: dict[tuple[str, int], None] = {}
        self._lookups: dict[tuple[str, int], asyncio.Task[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        name = (host, port)
        lookup = self._lookups.get(name)
        if lookup is None:
            lookup = self._lookups[name] = asyncio.create_task(self._resolve(name))
            lookup.add_done_callback(lambda done: self._forget(name, done))
        return list(await asyncio.shield(lookup))

    def close(self) -> None:
        for lookup in self._lookups.values():
            lookup.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _resolve(self, name: tuple[str, int]) -> list[str]:
        if name in self._proven:
            del self._proven[name]
            return await self._look_up(name)
        async with self._unproven:
            return await self._look_up(name)

    async def _look_up(self, name: tuple[str, int]) -> list[str]:
        addresses = await asyncio.get_running_loop().run_in_executor(self._threads, lookup, *name)
        self._proven[name] = None
        if len(self._proven) > REMEMBERED:
            del self._proven[next(iter(self._proven))]
        return addresses

    def _forget(self, name: tuple[str, int], task: asyncio.Task[list[str]]) -> None:
        del self._lookups[name]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone


def lookup(host: str, port: int) -> list[str]:
    """The host's addresses, in the system's order. Raises OSError."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
