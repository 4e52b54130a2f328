"""Customers as of an instant: what evaluation and flags look at, for one row or many alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np

from healthsvc.core import levels
from healthsvc.core.arrays import Floats, Instants, Int64s
from healthsvc.core.folding import facts as fact
from healthsvc.core.folding import presence
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.contract import recurring_revenue
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.levels import Snapshot

T = TypeVar("T")
_LN2: Final = float(np.log(2.0))
DISTINCT: Final = np.array(
    [0.0]
    + [-fact.SLOTS * np.log(1 - k / fact.SLOTS) for k in range(1, fact.SLOTS)]
    + [3.5 * fact.SLOTS]
)
"""Linear counting: filled slots → estimated number of different functions; full is "more than can
be told"."""
SLOW: Final = -1
"""In place of a half-life of the scorecard: that of its `rhythm`."""


@dataclass(frozen=True, slots=True)
class View:
    """Rows of a `States` as of an instant each: cells (n, measures, fields), facts (n, WIDTH),
    now_us (n,)."""

    program: CompiledScorecard
    cells: Floats
    facts: Floats
    now_us: Instants
    risk: Floats | None = None
    """(n, sums of the risk program); None: the risk isn't asked for."""
    _levels: dict[tuple[int, int], Floats] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )
    _decays: dict[int, levels.Decay] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )
    _gaps: dict[int, Floats] = field(init=False, default_factory=dict, repr=False, compare=False)
    _computed: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)
    fillings: dict[int, Floats] = field(init=False, default_factory=dict, repr=False, compare=False)
    """By half-life, how far a level has filled since each customer's first event; kept by
    `baseline`."""

    def level(self, measure: int, half_life: int) -> Floats:
        """Worked out once for all rows, however many of them ask for it one by one.

        half_life: a place among the scorecard's, or `SLOW` for a measure that keeps that level.
        """
        level = self._levels.get((measure, half_life))
        if level is None:
            sums = np.ascontiguousarray(self._sums(measure, half_life))
            level = self._levels[measure, half_life] = self._decay(half_life).of(sums)
        return level

    def once(self, name: str, compute: Callable[["View"], T]) -> T:
        """What `compute` gives of all rows, worked out at the first question about one of them."""
        if name not in self._computed:
            self._computed[name] = compute(self)
        computed: T = self._computed[name]
        return computed

    def _decay(self, half_life: int) -> levels.Decay:
        """The same for all measures, and costs more than what each does with it."""
        decay = self._decays.get(half_life)
        if decay is None:
            decay = self._decays[half_life] = levels.decay(
                self.now_us, self.half_life_us(half_life), self.program.landmark_us
            )
        return decay

    def half_life_us(self, half_life: int) -> int:
        if half_life != SLOW:
            return self.program.half_lives_us[half_life]
        assert self.program.rhythm is not None  # nothing else keeps slow levels
        return self.program.rhythm.slow_half_life_us

    def _sums(self, measure: int, half_life: int) -> Floats:
        if half_life != SLOW:
            return self.cells[:, measure, half_life]
        return self.facts[:, fact.SLOW_0 + self.program.slow.index(measure)]

    def rate(self, measure: int, half_life: int) -> Floats:
        """Events a day that would hold the level where it is."""
        return self.level(measure, half_life) * (_LN2 * DAY_US / self.half_life_us(half_life))

    @property
    def usual_gap_us(self) -> Floats:
        """(n,) the customer's own gap between visits; 0 where none is known."""
        gap = self._gaps.get(0)
        if gap is None:
            gap = self._gaps[0] = presence.usual_gap_days(self.facts[:, fact.PRESENCE]) * DAY_US
        return gap

    @property
    def mean_gap_us(self) -> Floats:
        """(n,) the mean of the customer's gaps that are no less than a third of its usual one; 0
        where none is known."""
        return presence.mean_gap_days(self.facts[:, fact.PRESENCE]) * DAY_US

    @property
    def returned_us(self) -> Floats:
        """(n,) when each customer came back from its newest pause; 0 where it made none."""
        return presence.returned_us(self.facts[:, fact.PRESENCE])

    def rate_of(self, row: int, measure: int, half_life: int) -> float:
        """The same as `rate`, of one row."""
        level: float = self.level(measure, half_life).item(row)
        return level * (_LN2 * DAY_US / self.program.half_lives_us[half_life])

    def count(self, measure: int) -> Floats:
        return self.cells[:, measure, len(self.program.half_lives_us)]

    def newest(self, measure: int) -> Floats:
        return self.cells[:, measure, len(self.program.half_lives_us) + 1]

    def fact(self, name: str) -> Floats:
        """A fact of each row; recurring revenue is that of all subscriptions."""
        if name == "mrr":
            return recurring_revenue(self.facts)
        return self.facts[:, fact.COLUMN[name]]

    def fact_of(self, name: str, row: int) -> float:
        """A fact of one row."""
        if name == "mrr":
            return float(recurring_revenue(self.facts[row : row + 1])[0])
        return self.facts.item(row, fact.COLUMN[name])

    def rows(self, at: Int64s) -> "View":
        """Some of the rows; each column stays together in memory."""
        return View(
            self.program,
            self.cells.transpose(1, 2, 0).take(at, axis=2).transpose(2, 0, 1),
            self.facts.T.take(at, axis=1).T,
            self.now_us[at],
            None if self.risk is None else self.risk[at],
        )

    def only(self, row: int) -> "View":
        """One of the rows, where it lies."""
        at = slice(row, row + 1)
        return View(
            self.program,
            self.cells[at],
            self.facts[at],
            self.now_us[at],
            None if self.risk is None else self.risk[at],
        )

    def functions_of(self, row: int, *, since_us: int) -> float:
        """The same as `functions`, of one row."""
        slots = self.facts[row, fact.SLOT_0 : fact.SLOT_0 + fact.SLOTS]
        return float(DISTINCT[np.count_nonzero(slots > since_us)])

    def functions(self, *, since_us: Instants | Floats | None = None) -> Floats:
        """How many functions were ever used, or since an instant: an estimate, by linear
        counting."""
        slots = self.facts[:, fact.SLOT_0 : fact.SLOT_0 + fact.SLOTS]
        is_used = slots > 0 if since_us is None else slots > since_us[:, None]
        features: Floats = DISTINCT[is_used.sum(axis=1)]
        return features

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
