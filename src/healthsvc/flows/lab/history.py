"""Replays a log up to each requested instant: folds events in time order, and halts at each instant
with nothing after it folded."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Instants
from healthsvc.core.errors import InvalidInput
from healthsvc.core.risk.table import RiskTable
from healthsvc.wire.files.columns import EventColumns, read_events
from healthsvc.wire.files.row_groups import RowTally

Halt = Callable[[int], None]
"""What to do at an instant; all events up to it, and none after it, are in the table."""


class OutOfOrderError(InvalidInput):
    """The file isn't in time order: read it whole and sort it."""


@dataclass(slots=True)
class ReplayState:
    """The state of a replay: the table, the row of each customer, what was met."""

    table: RiskTable
    row_of: dict[str, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    """Events folded of each type, in the order in which the types came."""
    events: int = 0
    after: int = 0
    """Events after the last instant asked for: read, not folded."""

    def rows(self, accounts: Iterable[str]) -> NDArray[np.int64]:
        """Row of each customer, -1 where no event has named it yet."""
        get = self.row_of.get
        return np.array([get(a, -1) for a in accounts], np.int64)

    def fold(
        self, accounts: list[str], types: list[str], us: Instants, values: NDArray[np.float64]
    ) -> None:
        """Add events in order."""
        rows = self._existing_rows(accounts)
        if rows is None:
            for account in dict.fromkeys(accounts):
                self.row_of.setdefault(account, len(self.row_of))
            rows = self._existing_rows(accounts)
        assert rows is not None  # all are known by now
        self.table.reserve(len(self.row_of))
        codes, start = self.table.codes(types), 0
        while start < len(us):
            end = int(np.searchsorted(us, self.table.bring_near(int(us[start])), side="right"))
            self.table.fold(rows[start:end], codes[start:end], us[start:end], values[start:end])
            start = end
        for event_type in dict.fromkeys(types):
            self.types.setdefault(event_type, 0)
        self.events += len(us)

    def _existing_rows(self, accounts: list[str]) -> NDArray[np.int64] | None:
        try:
            return np.fromiter(map(self.row_of.__getitem__, accounts), np.int64, len(accounts))
        except KeyError:
            return None


def replay(
    history: ReplayState, groups: Iterable[EventColumns], moments: Instants, halt: Halt
) -> None:
    """Fold the groups in order, halting at each moment (rising). Raises OutOfOrderError."""
    waiting = moments.tolist()
    reached, newest = 0, None
    for group in groups:
        us = group.us
        if not len(us):
            continue
        if (newest is not None and us[0] < newest) or (us[1:] < us[:-1]).any():
            raise OutOfOrderError
        newest = int(us[-1])
        start = 0
        while reached < len(waiting) and waiting[reached] < newest:
            stop = int(np.searchsorted(us, waiting[reached], side="right"))
            _fold(history, group, start, stop)
            halt(waiting[reached])
            start, reached = stop, reached + 1
        if reached == len(waiting):
            history.after += len(us) - start
        else:
            _fold(history, group, start, len(us))
    for moment in waiting[reached:]:
        halt(moment)


def _fold(history: ReplayState, group: EventColumns, start: int, stop: int) -> None:
    if stop > start:
        whole = start == 0 and stop == len(group)
        accounts = group.accounts if whole else group.accounts[start:stop]
        types = group.types if whole else group.types[start:stop]
        history.fold(list(accounts), list(types), group.us[start:stop], group.values[start:stop])


def in_order(path: Path, tally: RowTally) -> Iterator[EventColumns]:
    """All events of a file that isn't in time order, sorted by time, those of one instant as they
    stand. In memory."""
    groups = list(read_events(path, tally))
    accounts = [a for g in groups for a in g.accounts]
    types = [t for g in groups for t in g.types]
    us = np.concatenate([g.us for g in groups]) if groups else np.zeros(0, np.int64)
    values = np.concatenate([g.values for g in groups]) if groups else np.zeros(0)
    order = np.argsort(us, kind="stable")
    for start in range(0, len(order), 50_000):
        part = order[start : start + 50_000]
        places = part.tolist()
        yield EventColumns(
            [accounts[i] for i in places], [types[i] for i in places], us[part], values[part]
        )
