"""Freezing a reference: where the customers stand as a version is published, kept with it for
good."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from healthsvc.core.arrays import Floats, Rows
from healthsvc.core.folding.states import States
from healthsvc.core.instants import to_us
from healthsvc.core.scorecard.distributions import LEAST_CUSTOMERS, by_segment, quantiles
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.view import View
from healthsvc.wire.scorecards.reference import with_reference


class Sample:
    """What a reference is made of: each customer's levels of the measures that are judged by their
    segment."""

    def __init__(self, card: Scorecard, now: datetime) -> None:
        self._now = now
        cards = (card, *(variant.card for variant in card.variants))
        by_segment_measures = [
            m
            for c in cards
            for m in c.scored_measures
            if m.judge is not None and m.judge.kind == "segment"
        ]
        self._measures = list(dict.fromkeys(m.of or m.name for m in by_segment_measures))
        self._levels: dict[str, list[Floats]] = defaultdict(list)
        self._segments: dict[str, list[str]] = defaultdict(list)
        self._mrr: list[Floats] = []
        self.customers = 0

    def add(self, states: States, rows: Rows) -> None:
        """Count these customers in; who was never there isn't placed among those who were."""
        now_us = np.full(len(rows), to_us(self._now), np.int64)
        view = View(states.program, states.cells[rows], states.facts[rows], now_us)
        segments = [_segment(states, row) for row in rows.tolist()]
        for name in self._measures:
            column = states.program.measures.index(name)
            there = np.flatnonzero(view.count(column) > 0)
            self._levels[name].append(view.level(column, 0)[there])
            self._segments[name] += [segments[i] for i in there.tolist()]
        mrr = view.fact("mrr")
        self._mrr.append(mrr[mrr > 0])
        self.customers += len(rows)

    def frozen(self, document: str) -> str:
        """The document with the reference in it."""
        measures = {
            name: by_segment(
                np.concatenate(self._levels[name]), np.array(self._segments[name], np.str_)
            )
            for name in self._measures
            if self._levels[name]
        }
        return with_reference(
            document, measures, self._money(), customers=self.customers, taken_at=self._now
        )

    def _money(self) -> Sequence[float] | None:
        mrr = np.concatenate([*self._mrr, np.zeros(0)])
        return quantiles(mrr) if len(mrr) >= LEAST_CUSTOMERS else None


def _segment(states: States, row: int) -> str:
    segment = states.profile_values(row).get("segment") if states.has_profile(row) else None
    return segment if isinstance(segment, str) else ""
