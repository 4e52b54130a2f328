"""Makes room for what the log gets over time: new Kafka partitions, and new days of the archive."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from healthsvc.flows.processing.leases import Leases
from healthsvc.flows.processing.ports import Input
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import archive

DAYS_AHEAD: Final = 2


class Partitions:
    """The partitions of the inputs so far, and the day up to which the archive is prepared."""

    def __init__(self, engine: AsyncEngine, inputs: Sequence[Input], *, archive: bool) -> None:
        self._engine, self._inputs, self._has_archive = engine, inputs, archive
        self._existing: set[int] = set()
        self._prepared: date | None = None

    def forget(self) -> None:
        """Let the next `find` make sure of all partitions: another projection is live."""
        self._existing = set()

    async def find(self, leases: Leases, now: datetime) -> None:
        """Add new partitions to the leases, and tables for the archive's next days."""
        for source in self._inputs:
            existing = set(await source.partitions()) if source.name == "kafka" else set()
            if not existing <= self._existing:
                await leases.ensure(existing)
                self._existing |= existing
        today = now.astimezone(UTC).date()
        if self._has_archive and today != self._prepared:
            async with self._engine.begin() as conn:
                await archive.ensure_days(conn, today - timedelta(days=1), DAYS_AHEAD + 1)
            self._prepared = today
