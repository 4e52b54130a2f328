"""What a worker holds of its partitions, as data: how far it has gone, and what the next flush has
to write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, TypeAlias

import numpy as np

from healthsvc.core.arrays import Digests, Hours, Rows
from healthsvc.core.folding.dedupe import IdWindow
from healthsvc.core.instants import SECOND_US, from_us
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.copying import Block
from healthsvc.store.processing.arena import Arena
from healthsvc.store.processing.dead_letter_writes import NewDeadLetter
from healthsvc.store.processing.partitions import Move, Ownership

Place: TypeAlias = tuple[str, int]
"""Input and partition."""
IMPORT_QUIET_US: Final = 10 * SECOND_US
"""An import is over when no old event has come for so long …"""
IMPORT_LONGEST_US: Final = 900 * SECOND_US
"""… or has lasted so long that the customers waiting for its end are decided all the same, and
again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLimits:
    """What the owner may use and keep."""

    state_bytes: int = 768 << 20
    least_customers: int = 20_000
    """Customers that are kept in memory, whatever `state_bytes` says."""
    dedupe_bytes: int = 256 << 20
    dedupe_window: timedelta = timedelta(days=7)
    archive: bool = True

    def customers(self, bytes_per_customer: int) -> int:
        """How many customers' states are kept in memory."""
        return max(self.least_customers, self.state_bytes // bytes_per_customer)

    def id_bytes(self, partitions: int) -> int:
        """Bytes for the ids of one of so many partitions."""
        return self.dedupe_bytes // max(1, partitions)


@dataclass(slots=True, kw_only=True)
class OwnedPartition:
    """A partition in memory: where the database has it, and how far we have gone since."""

    ownership: Ownership
    table_offset: int
    kafka_offset: int
    applied: int
    ids: IdWindow
    as_of_us: int
    """Everything logged up to here has been read; decisions are made as of this instant."""
    through_us: dict[str, int] = field(default_factory=dict)
    """The same, by input."""
    seen_us: int = 0
    """When the newest record read here entered the log."""
    stored: tuple[int, int, int] = (0, 0, 0)
    import_since_us: int = 0
    import_until_us: int = 0
    """While old events keep coming, customers that have nothing newer wait for the end to be
    decided."""

    def importing(self, now_us: int) -> None:
        """An old event has come."""
        if now_us > self.import_until_us:
            self.import_since_us = now_us
        self.import_until_us = min(
            now_us + IMPORT_QUIET_US, self.import_since_us + IMPORT_LONGEST_US
        )

    def move(self, partition: int) -> Move:
        table, kafka, applied = self.stored
        return Move(
            partition=partition,
            epoch=self.ownership.epoch,
            table_from=table,
            table_to=self.table_offset,
            kafka_from=kafka,
            kafka_to=self.kafka_offset,
            applied_from=applied,
            applied_to=self.applied,
            read_through_at=from_us(self.as_of_us) if self.as_of_us else None,
        )


def offsets(owned: Mapping[int, OwnedPartition]) -> dict[Place, int]:
    """The next offset to read, by input and partition."""
    return {("table", p): each.table_offset for p, each in owned.items()} | {
        ("kafka", p): each.kafka_offset for p, each in owned.items()
    }


def unflushed(owned: Mapping[int, OwnedPartition]) -> dict[Place, int]:
    """Up to where inputs were read beyond what the database has."""
    read_through: dict[Place, int] = {}
    for partition, each in owned.items():
        if each.table_offset > each.ownership.table_offset:
            read_through["table", partition] = each.table_offset
        if each.kafka_offset > each.ownership.kafka_offset:
            read_through["kafka", partition] = each.kafka_offset
    return read_through


@dataclass(slots=True)
class Pending:
    """What was folded since the last flush."""

    arena: Arena = field(default_factory=Arena)
    """Where its bytes lie, until the flush is written."""
    events: int = 0
    records: int = 0
    customers: int = 0
    """How many different ones `touched` has."""
    folded: list[Rows] = field(default_factory=list)
    fired: list[Rows] = field(default_factory=list)
    advanced: set[int] = field(default_factory=set)
    archived: dict[date, Block] = field(default_factory=dict)
    """By day of logging."""
    letters: list[NewDeadLetter] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    """What an operator is to be told of."""
    forwarded: list[tuple[int, str]] = field(default_factory=list)
    ids: dict[int, list[tuple[Hours, Digests]]] = field(default_factory=dict)
    oldest_logged_us: int = 0

    def __bool__(self) -> bool:
        return bool(self.advanced or self.fired)

    def fired_rows(self) -> Rows:
        """The customers whose timers fired, ascending."""
        return np.unique(np.concatenate(self.fired)) if self.fired else np.zeros(0, np.int64)

    def rows(self) -> Rows:
        """The customers that the next flush writes, ascending."""
        return np.unique(np.concatenate([*self.folded, *self.fired, np.zeros(0, np.int64)]))
