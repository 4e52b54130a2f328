"""A table of customers that keeps nothing but what a risk needs, growing as customers and types
come: the lab's."""

from collections.abc import Callable, Sequence

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s
from healthsvc.core.risk.levels import CompiledRisk, Level, Snapshot

_FIRST_ROWS = 1024


class RiskTable:
    """Sums, first and last instants of customers by row. Its sums are the same bits as the live
    states'."""

    def __init__(
        self, program: CompiledRisk, levels_of_type: Callable[[str], Sequence[Level]] | None = None
    ) -> None:
        """levels_of_type: more levels to keep from the first event of a type on, () for none."""
        self.program = program
        self._levels_of_type = levels_of_type
        self.sums: Floats = np.zeros((_FIRST_ROWS, program.width))
        self.first: Floats = np.full(_FIRST_ROWS, np.inf)
        self.last: Floats = np.zeros(_FIRST_ROWS)

    def reserve(self, rows: int) -> None:
        """Make room for rows 0 .. rows - 1."""
        have = len(self.first)
        if rows <= have:
            return
        size = max(rows, 2 * have)
        self.sums = np.concatenate([self.sums, np.zeros((size - have, self.sums.shape[1]))])
        self.first = np.concatenate([self.first, np.full(size - have, np.inf)])
        self.last = np.concatenate([self.last, np.zeros(size - have)])

    def codes(self, types: Sequence[str]) -> Int64s:
        """The program's codes of types, keeping the levels of those met for the first time."""
        if self._levels_of_type is not None:
            for new in [t for t in dict.fromkeys(types) if not self.program.knows(t)]:
                if more := self._levels_of_type(new):
                    self.program.extend(more)
        codes = self.program.codes(types)
        wider = self.program.width - self.sums.shape[1]
        if wider:
            self.sums = np.concatenate([self.sums, np.zeros((len(self.sums), wider))], axis=1)
        return codes

    def fold(self, rows: Int64s, codes: Int64s, us: Instants, values: Floats) -> None:
        """Add events in log order; rows must have been reserved, codes come from `codes`."""
        occurred = us.astype(np.float64)
        np.minimum.at(self.first, rows, occurred)
        np.maximum.at(self.last, rows, occurred)
        self.program.fold(self.sums, rows, codes, us, values)

    def bring_near(self, us: int) -> int:
        """Have the sums hold events of an instant, however far it is from those before; answers up
        to when."""
        return self.program.bring_near(self.sums, us)

    def snapshot(self, rows: Int64s, now_us: int) -> Snapshot:
        """The customers of these rows as of an instant; row -1 is a customer without events."""
        known = rows >= 0
        at = np.where(known, rows, 0)
        return Snapshot(
            program=self.program,
            sums=np.where(known[:, None], self.sums[at], 0.0),
            first=np.where(known, self.first[at], np.inf),
            last=np.where(known, self.last[at], 0.0),
            now_us=np.full(len(rows), now_us, np.int64),
        )
