"""Customers as of an instant: what evaluation and flags look at, for one row or many alike."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from healthsvc.core import facts as fact
from healthsvc.core import levels
from healthsvc.core.feeds import Program
from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import Floats, Instants
from healthsvc.core.risk.levels import Snapshot

_LN2: Final = float(np.log(2.0))


@dataclass(frozen=True, slots=True)
class View:
    """Rows of a `States` as of an instant each: cells (n, measures, fields), facts (n, WIDTH), now_us (n,)."""

    program: Program
    cells: Floats
    facts: Floats
    now_us: Instants
    risk: Floats | None = None
    """(n, sums of the risk program); None: the risk isn't asked for."""

    def level(self, measure: int, half_life: int) -> Floats:
        sums = np.ascontiguousarray(self.cells[:, measure, half_life])
        return levels.decayed(sums, self.now_us, self.program.half_lives_us[half_life], self.program.landmark_us)

    def rate(self, measure: int, half_life: int) -> Floats:
        """Events a day that would hold the level where it is."""
        return self.level(measure, half_life) * (_LN2 * DAY_US / self.program.half_lives_us[half_life])

    def count(self, measure: int) -> Floats:
        return self.cells[:, measure, len(self.program.half_lives_us)]

    def newest(self, measure: int) -> Floats:
        return self.cells[:, measure, len(self.program.half_lives_us) + 1]

    def fact(self, name: str) -> Floats:
        return self.facts[:, fact.COLUMN[name]]

    def risk_snapshot(self) -> Snapshot | None:
        """What the risk model looks at; None where there is no model, or its sums weren't given."""
        if self.program.risk is None or self.risk is None:
            return None
        first = np.ascontiguousarray(self.fact("first_seen"))
        last = np.ascontiguousarray(self.fact("last_seen"))
        return Snapshot(self.program.risk, self.risk, first, last, self.now_us)

    def ageing(self, since: Floats, half_life_us: int) -> Floats:
        """1 at `since`, half of it a half-life later; never more than 1."""
        age = np.maximum(self.now_us - np.ascontiguousarray(since), 0.0)
        return np.exp2(-(age / half_life_us))
