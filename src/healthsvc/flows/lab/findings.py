"""Collects the results of a replay of the health score, block by block, as data ready for JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats, Instants
from healthsvc.core.fit.bands import (
    FLIP_DAYS,
    LEFT,
    BandDisagreement,
    BandTally,
    Course,
    RedOutcomes,
)
from healthsvc.core.fit.figures import CUSTOMERS_PER_CSM
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.instants import DAY_US, from_us
from healthsvc.flows.lab.replay_loop import ReplayLoop, Timetable, Track
from healthsvc.wire.scorecards.document import Compiled

MOST_MOVED: Final = 100
MOST_SEGMENTS: Final = 20
MOST_OWNERS: Final = 50
LITTLE_COVERAGE: Final = 0.25
NO_VALUE: Final = "(none)"


class Findings:
    """Add each block once it has come to its end."""

    def __init__(
        self, live: Compiled, candidate: Compiled | None, timetable: Timetable, horizon_days: float
    ) -> None:
        self._dates = timetable.dates_us
        cards = [live, *([candidate] if candidate is not None else [])]
        self.programs: list[CompiledScorecard] = [card.program for card in cards]
        self._sides = [
            _ScorecardFindings(program, timetable, round(horizon_days * DAY_US))
            for program in self.programs
        ]
        names = [side.bands for side in self._sides]
        self._disagreement = BandDisagreement(*names) if len(names) == 2 else None
        self._moves: list[tuple[float, dict[str, Any]]] = []
        self._events = self._rejected = 0

    def add(self, loop: ReplayLoop) -> None:
        """Count a block of customers in."""
        self._events += loop.events
        self._rejected += loop.rejected
        churn_us = loop.churn_us()
        for side, track in zip(self._sides, loop.tracks, strict=True):
            side.add(track, churn_us)
        if self._disagreement is not None:
            one, other = loop.tracks
            self._disagreement.add(one.course, other.course)
            self._move(loop.customer_ids, one.course, other.course)

    def _move(self, ids: Sequence[str], one: Course, other: Course) -> None:
        """Keep the customers that are in another band on the last date, those whose score moves
        most."""
        names = [[*side.bands, None] for side in self._sides]
        before, after = one.band[:, -1], other.band[:, -1]
        for i in np.flatnonzero((before > LEFT) & (after > LEFT)).tolist():
            bands = names[0][before[i]], names[1][after[i]]
            if bands[0] != bands[1]:
                scores = _none_if_nan(one.score[i, -1]), _none_if_nan(other.score[i, -1])
                move = {"customer_id": ids[i], "band_live": bands[0], "band": bands[1],
                         "score_live": scores[0], "score": scores[1]}  # fmt: skip
                self._moves.append((-abs((scores[1] or 0.0) - (scores[0] or 0.0)), move))
        self._moves.sort(key=lambda pair: (pair[0], pair[1]["customer_id"]))
        del self._moves[MOST_MOVED:]

    def summary(self) -> dict[str, Any]:
        """Ready for JSON; `scorecard` and `against_live` only where one is held against the live
        one."""
        live, *other_summaries = [side.summary() for side in self._sides]
        every = np.diff(self._dates)
        result: dict[str, Any] = {
            "events": {"folded": self._events, "set_aside": self._rejected},
            "customers": self._sides[0].customers,
            "dates": {
                "first": from_us(int(self._dates[0])).isoformat(),
                "last": from_us(int(self._dates[-1])).isoformat(),
                "count": len(self._dates),
                "every_days": float(every[0]) / DAY_US if len(every) else None,
            },
            "flip_days": FLIP_DAYS,
            "warnings": [w for side in self._sides for w in side.warnings()],
            "live": live,
        }
        if self._disagreement is not None:
            result["scorecard"] = other_summaries[0]
            result["against_live"] = self._disagreement.summary() | {
                "moved": [move for _, move in self._moves]
            }
        return result


@dataclass(slots=True)
class _ScorecardFindings:
    """One scorecard's."""

    program: CompiledScorecard
    timetable: Timetable
    horizon_us: int
    bands: list[str] = field(init=False)
    _all: BandTally = field(init=False)
    _segments: dict[str, BandTally] = field(default_factory=dict)
    _red_outcomes: RedOutcomes = field(init=False)
    _kinds: Counter[str] = field(default_factory=Counter)
    _owned: Counter[str] = field(default_factory=Counter)
    _raised: Counter[str] = field(default_factory=Counter)
    _event_counts: Floats = field(init=False)
    _coverage: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        dates, bands = self.timetable.dates_us, [band.name for band in self.program.scorecard.bands]
        self.bands, self._all, self._event_counts = (
            bands,
            BandTally(bands, dates),
            np.zeros(self.program.width),
        )
        risky = len(bands) // 2  # where entering a band alerts (core.decisions.decide)
        reds = {" or ".join(bands[risky:]): risky, bands[-1]: len(bands) - 1}
        self._red_outcomes = RedOutcomes(dates, self.horizon_us, int(dates[-1]), reds)

    def add(self, track: Track, churn_us: Instants) -> None:
        """Count a block in. Segments and owners are those of the last date."""
        course, states = track.course, track.states
        self._all.add(course)
        self._red_outcomes.add(course, churn_us)
        self._kinds += track.alerts_by_kind
        self._event_counts += states.cells[:, :, states.count_field].sum(axis=0)
        present = course.band[:, -1] > LEFT
        self._coverage.append(track.coverage[present])
        by_field = {name: _profile_values(track, name) for name in ("segment", "owner")}
        for name in dict.fromkeys(by_field["segment"].tolist()):
            tally = self._segments.setdefault(name, BandTally(self.bands, self.timetable.dates_us))
            tally.add(course.of(by_field["segment"] == name))
        alerts = course.alerts.sum(axis=1)
        for owner, raised, here in zip(
            by_field["owner"].tolist(), alerts.tolist(), present.tolist(), strict=True
        ):
            self._raised[owner] += raised
            self._owned[owner] += here

    @property
    def customers(self) -> int:
        return self._all.customers

    def summary(self) -> dict[str, Any] | None:
        """Ready for JSON; None where nobody was ever scored."""
        if not self._all.has_scores:
            return None
        result = self._all.summary()
        largest = sorted(self._segments, key=lambda name: -self._segments[name].customers)[
            :MOST_SEGMENTS
        ]
        segments = (
            {}
            if list(self._segments) == [NO_VALUE]
            else {n: self._segments[n].summary(by_date=False) for n in largest}
        )
        coverage = np.concatenate([*self._coverage, np.zeros(0)])
        return {
            "bands": self.bands,
            **result,
            **self._of_the_team(result["alerts_per_week"]),
            "alerts_by_kind": dict(self._kinds.most_common()),
            "foretold": self._red_outcomes.summary(),
            "by_segment": segments,
            "coverage": float(coverage.mean()) if len(coverage) else None,
            "unfed": [
                name
                for name, fed in zip(
                    self.program.measures, self._event_counts.tolist(), strict=True
                )
                if not fed
            ],
        }

    def _of_the_team(self, per_week: float | None) -> dict[str, Any]:
        """Alerts per CSM and week: of the owners that profiles name, else of as many as there would
        usually be."""
        owners = [name for name, customers in self._owned.items() if customers and name != NO_VALUE]
        weeks = float(self.timetable.dates_us[-1] - self.timetable.dates_us[0]) / (7 * DAY_US)
        csms = len(owners) or self._all.csms()
        busiest = sorted(owners, key=lambda name: (-self._raised[name], name))[:MOST_OWNERS]
        return {
            "csms": "owners" if owners else f"{CUSTOMERS_PER_CSM} customers each",
            "alerts_per_csm_and_week": None if per_week is None else per_week / csms,
            "by_owner": [
                {
                    "owner": o,
                    "customers": self._owned[o],
                    "alerts_per_week": self._raised[o] / weeks,
                }
                for o in busiest
                if weeks
            ],
        }

    def warnings(self) -> list[str]:
        card, name = self.program.scorecard, self.program.scorecard.name
        coverage = np.concatenate([*self._coverage, np.zeros(0)])
        messages = []
        if not self._all.has_scores:
            messages.append(
                f"{name}: at no date has any customer enough evidence; these events can't feed this"
                " scorecard"
            )
        elif len(coverage) and coverage.mean() < LITTLE_COVERAGE:
            messages.append(
                f"{name}: only {coverage.mean():.0%} of its weight has evidence: these events say"
                " little of it"
            )
        judges = [
            m.judge
            for c in (card, *(v.card for v in card.variants))
            for m in c.scored_measures
            if m.judge is not None
        ]
        if any(judge.kind == "segment" and judge.reference is None for judge in judges):
            messages.append(
                f"{name}: its measures by the place in the segment are judged by their targets"
                " here, since where customers stand is frozen at publishing"
            )
        return messages


def _profile_values(track: Track, name: str) -> NDArray[np.object_]:
    """(n,) what each profile says of a field."""
    values = [track.states.profile_field(row, name) for row in range(len(track.customer_ids))]
    return np.array(
        [value if isinstance(value, str) and value else NO_VALUE for value in values], dtype=object
    )


def _none_if_nan(score: float) -> float | None:
    return None if np.isnan(score) else float(score)
