"""A lock that somebody else holds: whoever needs it stands still, at a place that the test
chose."""

import asyncio
import threading
from types import TracebackType
from typing import Self

import asyncpg

from healthsvc.store.database.engine import connect
from tests.faults import ask
from tests.support.waiting import PATIENCE_SECONDS, eventually


class Hold:
    """What `statement` locks stays locked from here on until the block ends, or `release`."""

    def __init__(self, url: str, statement: str) -> None:
        self._url, self._statement = url, statement
        self._held, self._released = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=ask.run, args=(self._lock(),), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._held.wait(PATIENCE_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Idempotent."""
        self._released.set()
        self._thread.join()

    async def _lock(self) -> None:
        conn = await connect(self._url)
        async with conn.transaction():
            await conn.execute(self._statement)
            self._held.set()
            while not self._released.is_set():
                await asyncio.sleep(0.02)
        await conn.close()


def until_one_waits(url: str, table: str) -> None:
    """Until a worker waits for the table, or a row of it."""
    sql = """
        select count(*) from pg_stat_activity a
        where datname = current_database() and application_name = 'healthsvc-process'
            and wait_event_type = 'Lock'
          and exists (select from pg_locks l where l.pid = a.pid and l.relation = $1::regclass)
    """

    def waits() -> bool:
        try:
            return bool(ask.value(url, sql, table))
        except asyncpg.PostgresError:
            return False

    eventually(waits, what=f"a worker that waits for {table}")
