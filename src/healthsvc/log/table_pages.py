"""Reads the table log in pages, and around rows that PostgreSQL can't hand over or that can't be
decoded.

A page that fails for a row's sake is read partition by partition in smaller and smaller pages, down
to one row. One that fails by itself twice is given back as unreadable; positions have no gaps, so
the next one is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from healthsvc.flows.processing.ports import Unreadable
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.outage import cause_of
from healthsvc.store.intake.log import blames_a_row
from healthsvc.store.intake.log_reader import LogReader, LogReading
from healthsvc.telemetry import LogEvent

SHRINK: Final = 8
LARGEST_PAGE: Final = 20_000
RAW_BYTES: Final = 64 * 1024
"""Of a row that can't be read, so many bytes are given back."""


@dataclass(frozen=True, slots=True)
class TablePage:
    """What was read, and by partition the row that can't be; there are no entries of a partition
    that has one."""

    reading: LogReading
    unreadable: Mapping[int, Unreadable] = field(default_factory=dict)


class TablePages:
    """Reads pages; remembers how small those of a partition must be for now."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._reader = LogReader(engine)
        self._limits: dict[int, int] = {}
        self._suspects: dict[int, int] = {}
        """By partition, a position at which reading failed once."""

    async def read(self, offsets: Mapping[int, int], limits: Mapping[int, int]) -> TablePage:
        """Up to `limits[partition]` entries of each partition from `offsets[partition]` on.

        Raises what no row is to blame for: outages, and mistakes that would be met at every row.
        """
        limits = {p: min(most, self._limits.get(p, most)) for p, most in limits.items()}
        try:
            reading = await self._reader.read_all(offsets, limits)
        except Exception as error:
            if not blames_a_row(error):
                raise
            structlog.get_logger().warning(
                LogEvent.LOG_READ_CAREFULLY, input="table", error=repr(error)
            )
            return await self._read_each(offsets, limits)
        self._grow(reading)
        return TablePage(reading)

    async def close(self) -> None:
        await self._reader.close()

    def _grow(self, reading: LogReading) -> None:
        """These pages were read: the next ones may be larger."""
        for partition in reading.entries.keys() & self._limits.keys():
            self._limits[partition] *= SHRINK
            if self._limits[partition] >= LARGEST_PAGE:
                del self._limits[partition]

    async def _read_each(self, offsets: Mapping[int, int], limits: Mapping[int, int]) -> TablePage:
        pages = [await self._read_one(p, offsets[p], limits[p]) for p in sorted(offsets)]
        whole = LogReading(
            read_at=min(page.reading.read_at for page in pages),
            heads={p: head for page in pages for p, head in page.reading.heads.items()},
            entries={p: some for page in pages for p, some in page.reading.entries.items()},
        )
        return TablePage(whole, {p: lost for page in pages for p, lost in page.unreadable.items()})

    async def _read_one(self, partition: int, offset: int, limit: int) -> TablePage:
        """One partition's page, as large as it can be read, or its next row as unreadable."""
        while True:
            try:
                reading = await self._reader.read_all({partition: offset}, {partition: limit})
            except Exception as error:
                if not blames_a_row(error):
                    raise
                if limit == 1 and self._suspects.get(partition) == offset:
                    if await self._reader.is_there(partition, offset):
                        return await self._around(partition, offset, error)
                    raise
                if limit == 1:
                    self._suspects[partition] = offset
                limit = max(1, limit // SHRINK)
                self._limits[partition] = limit
                continue
            self._grow(reading)
            return TablePage(reading)

    async def _around(self, partition: int, position: int, error: Exception) -> TablePage:
        raw, cause = await self._reader.raw_event(partition, position), cause_of(error)
        lost = Unreadable(
            first=position,
            last=position,
            raw=raw[:RAW_BYTES],
            raw_bytes=len(raw),
            detail=f"{type(cause).__name__}: {cause}".partition("\n")[0],
        )
        heads = await self._reader.read_all({partition: position}, {partition: 0})
        return TablePage(heads, {partition: lost})
