"""A block of customers on its way through the past: folded, and decided at each step, by the core
that runs live, with only what was known by then.

Decisions are made once a day of whomever an event touched or whose timer has come, as the service
would; on the dates asked for, all customers are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats, Instants
from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US
from healthsvc.core.decisions.decide import BAND_ALERT, Decisions, decide
from healthsvc.core.events import SUBSCRIPTION_CANCELLED
from healthsvc.core.fit.bands import ABSENT, LEFT, Course, Flips
from healthsvc.core.folding import facts
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.states import States
from healthsvc.core.folding.ties import tie_breakers
from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard import cohort
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.leaving import leaving
from healthsvc.core.scoring.view import View
from healthsvc.flows.lab.recorded_decisions import RecordedDecision, recorded
from healthsvc.flows.processing.decode import PIECE
from healthsvc.wire.events.catalogue import types_of
from healthsvc.wire.events.decode import DecodedBatch, decode_batch

Mask = NDArray[np.bool_]

WARM_UP_DAYS: Final = 28
"""Bands have a memory, so decisions begin so long before the first date."""
FOREVER_US: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Timetable:
    """The instants at which customers are decided, rising, and which of them are dates of the
    report."""

    steps_us: Instants
    dates_us: Instants
    place: Instants
    """(steps,) the date up to which a step counts, by its place among the dates."""
    is_date: Mask
    """(steps,) whether the step is that date."""

    @classmethod
    def of(cls, steps_us: Instants, dates_us: Instants) -> "Timetable":
        """Both rising, and every date a step."""
        place = np.searchsorted(dates_us, steps_us)
        return cls(steps_us, dates_us, place, np.isin(steps_us, dates_us))

    @classmethod
    def daily(cls, until_us: int, dates: int, every_days: int) -> "Timetable":
        """So many dates up to an instant, so many days apart; a step a day."""
        days = (dates - 1) * every_days
        steps = until_us - np.arange(days + WARM_UP_DAYS, -1, -1, dtype=np.int64) * DAY_US
        return cls.of(steps, until_us - np.arange(days, -1, -every_days, dtype=np.int64) * DAY_US)


class KnownEvents(NamedTuple):
    """Events in the order in which they became known: when, the places of their customers in the
    block, their JSON."""

    known_us: Instants
    places: Instants
    events: list[bytes]


class ReplayLoop:
    """One block by one or two scorecards; `feed` it all events in order, then `finish`."""

    def __init__(
        self,
        programs: Sequence[CompiledScorecard],
        customer_ids: Sequence[str],
        timetable: Timetable,
        *,
        records: bool = False,
    ) -> None:
        self.customer_ids = customer_ids
        self.tracks = [Track(program, customer_ids, timetable) for program in programs]
        self.tracks[0].records = records
        self.events = self.rejected = 0
        self._timetable = timetable
        self._next = 0
        self._cancelled: list[tuple[int, int]] = []

    @property
    def progress(self) -> float:
        """Share of the steps done."""
        return self._next / len(self._timetable.steps_us)

    def feed(self, events: KnownEvents) -> None:
        """Go on to the last of these events. What is known at a step counts in it."""
        steps, start = self._timetable.steps_us, 0
        while (
            self._next < len(steps)
            and len(events.known_us)
            and steps[self._next] < events.known_us[-1]
        ):
            end = int(np.searchsorted(events.known_us, steps[self._next], side="right"))
            self._fold(events, start, end)
            self._step()
            start = end
        self._fold(events, start, len(events.known_us))

    def finish(self) -> None:
        """Go on to the last step."""
        while self._next < len(self._timetable.steps_us):
            self._step()

    def churn_us(self) -> Instants:
        """(customers, dates) when each next gives notice after a date, -1 where it doesn't, as far
        as is known. The end of a trial that pays nothing, and of a test account, is no notice."""
        dates = self._timetable.dates_us
        churn = np.full((len(self.customer_ids), len(dates)), FOREVER_US)
        counts = self._are_customers()
        for place, us in self._cancelled:
            if not counts[place]:
                continue
            after = dates < us
            churn[place, after] = np.minimum(churn[place, after], us)
        return np.where(churn == FOREVER_US, -1, churn)

    def _are_customers(self) -> Mask:
        """(customers,) by what is known at the end."""
        known, accounts = (
            self.tracks[0].states.facts,
            self.tracks[0].program.scorecard.accounts,
        )
        segment = known[:, facts.COLUMN["segment_code"]]
        is_test = np.isin(segment, [cohort.code(name) for name in accounts.test])
        is_trial = np.isin(segment, [cohort.code(name) for name in accounts.trial])
        pays = np.nan_to_num(known[:, facts.COLUMN["mrr"]]) > 0
        return ~is_test & (pays | ~is_trial)

    def _fold(self, events: KnownEvents, start: int, end: int) -> None:
        for first in range(start, end, PIECE):
            part = slice(first, min(first + PIECE, end))
            some = decode_batch(events.events[part], now_us=FOREVER_US)
            rows = events.places[part][some.index]
            types = types_of(some.events)
            for track in self.tracks:
                track.fold(rows, some, types)
            if SUBSCRIPTION_CANCELLED.name in types:
                us = some.occurred_us.tolist()
                self._cancelled += [
                    (int(rows[i]), us[i])
                    for i, type_ in enumerate(types)
                    if type_ == SUBSCRIPTION_CANCELLED.name
                ]
            self.events += len(some.events)
            self.rejected += len(some.rejects)

    def _step(self) -> None:
        t, now_us = self._timetable, int(self._timetable.steps_us[self._next])
        for track in self.tracks:
            track.decide(now_us, int(t.place[self._next]), is_date=bool(t.is_date[self._next]))
        self._next += 1


@dataclass(slots=True)
class Track:
    """The block by one scorecard: row i of its states is the block's customer i."""

    program: CompiledScorecard
    customer_ids: Sequence[str]
    timetable: Timetable
    alerts_by_kind: Counter[str] = field(default_factory=Counter)
    records: bool = False
    """Whether each decision is kept, from the first date on."""
    decisions: list[RecordedDecision] = field(default_factory=list)
    states: States = field(init=False)
    course: Course = field(init=False)
    raw: Floats = field(init=False)
    """(n,) on the last date, NaN without one; so are risk and coverage."""
    risk: Floats = field(init=False)
    coverage: Floats = field(init=False)
    _flips: Flips = field(init=False)
    _has_events: Mask = field(init=False)

    def __post_init__(self) -> None:
        n, d = len(self.customer_ids), len(self.timetable.dates_us)
        self.states = States(self.program, n)
        self.states.admit([(customer_id, i, 0) for i, customer_id in enumerate(self.customer_ids)])
        self.raw, self.risk, self.coverage = (np.full(n, np.nan) for _ in range(3))
        self._has_events = np.zeros(n, bool)
        self._flips = Flips(n, int(self.timetable.dates_us[0]))
        self.course = Course(
            band=np.full((n, d), ABSENT, np.int8),
            score=np.full((n, d), np.nan),
            leaving=np.zeros((n, d), bool),
            alerts=np.zeros((n, d), np.int64),
            flips=self._flips.count,
        )

    def fold(self, rows: Instants, some: DecodedBatch, types: list[str]) -> None:
        """Add events of these customers."""
        ties = tie_breakers(some.digests)
        self.states.fold(rows, self.program.extract(types, some.events), some.occurred_us, ties)
        self._has_events[rows] = True

    def decide(self, now_us: int, date: int, *, is_date: bool) -> None:
        """Decide as of an instant; is_date: it is a date of the report, so decide every customer
        and keep the results."""
        states = self.states
        due = self._has_events | (states.decisions.due <= now_us)
        rows = np.flatnonzero((states.facts[:, facts.EVENTS] > 0) & (due | is_date))
        if len(rows):
            instants = np.full(len(rows), now_us, np.int64)
            view = View(
                self.program, states.cells[rows], states.facts[rows], instants, states.risk[rows]
            )
            evaluation = evaluate(view)
            decisions = decide(self.program, evaluation, states.decisions.take(rows))
            imported = self._has_events[rows] & (
                states.facts[rows, facts.LAST_SEEN] < now_us - ALERT_MAX_AGE_US
            )
            states.decisions.put(rows, decisions.after)
            self._changed(rows, decisions, imported, now_us, date)
            if is_date:
                self.course.band[rows, date] = np.where(
                    evaluation.churned, LEFT, decisions.after.band
                )
                self.course.score[rows, date] = decisions.score
                self.course.leaving[rows, date] = np.isfinite(leaving(view).ends_at)
                self.raw[rows], self.risk[rows], self.coverage[rows] = (
                    evaluation.raw,
                    decisions.risk,
                    evaluation.coverage,
                )
        self._has_events[:] = False

    def _changed(
        self, rows: Instants, decisions: Decisions, imported: Mask, now_us: int, date: int
    ) -> None:
        """Count flips and the alerts that the service would have raised anew; those before the
        first date warm up."""
        moves = [change for change in decisions.bands if change.before >= 0 and not change.anew]
        at, before, after = (
            np.array([getattr(c, name) for c in moves], np.int64)
            for name in ("row", "before", "after")
        )
        self._flips.record(rows[at], before, after, now_us)
        if not date:
            return
        if self.records:
            ids = [self.customer_ids[row] for row in rows.tolist()]
            card = self.program.scorecard
            self.decisions += recorded(card, decisions, ids, imported, now_us)
        flags = self.program.scorecard.flag_names
        raised = [(c.row, flags[c.flag]) for c in decisions.flags if c.alert and c.kind == "raised"]
        raised += [(c.row, BAND_ALERT) for c in decisions.bands if c.alert and not imported[c.row]]
        for row, kind in raised:
            self.course.alerts[rows[row], date] += 1
            self.alerts_by_kind[kind] += 1
