"""Questions to a database from tests that are not coroutines."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from healthsvc.store.database.engine import connect

_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """In a loop and a thread of its own: the test's thread may have a loop already."""
    found: list[_T] = []
    faults: list[BaseException] = []

    def inside() -> None:
        try:
            found.append(asyncio.run(work))
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]
    return found[0]


def rows(url: str, sql: str, *values: object) -> list[Any]:
    async def fetch() -> list[Any]:
        conn = await connect(url)
        try:
            return list(await conn.fetch(sql, *values))
        finally:
            await conn.close()

    return run(fetch())


def value(url: str, sql: str, *values: object) -> Any:
    return rows(url, sql, *values)[0][0]
