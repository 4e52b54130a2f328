"""Customers through 800 days: folded, evaluated and decided by the core, every six hours."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.alerts_check.kinds import Kind, happenings
from benchmarks.alerts_check.visits import DAYS
from healthsvc.core.decisions.decide import BAND_ALERT, Decisions, decide
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.states import States
from healthsvc.core.folding.ties import tie_breakers
from healthsvc.core.instants import DAY_US, from_us
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.view import View
from healthsvc.wire.events.catalogue import types_of
from healthsvc.wire.events.decode import decode_batch

START_US: Final = 1_704_099_600_000_000
"""2024-01-01T09:00:00Z, a Monday."""
STEP_US: Final = DAY_US // 4
JUDGED_FROM: Final = DAYS // 2
FOREVER_US: Final = 1 << 62


@dataclass(slots=True)
class Life:
    """What was decided about one customer; days since the start."""

    kind: Kind
    last_visit: float
    period: float
    """Days, the kind's or its own."""
    alerts: list[tuple[float, str]] = field(default_factory=list)
    """Day and flag of each alert raised or renewed."""
    escalations: list[float] = field(default_factory=list)
    """Days on which an open alert became a more severe one."""
    band_changes: list[float] = field(default_factory=list)
    healthy: int = 0
    """Decisions of the judged half in the best band, of all of that half."""
    decided: int = 0


def simulate(program: CompiledScorecard, kinds: Sequence[Kind], each: int, seed: int) -> list[Life]:
    """`each` customers of every kind, as one batch."""
    lives: list[Life] = []
    raws: list[tuple[int, bytes]] = []
    for number, kind in enumerate(kind for kind in kinds for _ in range(each)):
        events = happenings(kind, np.random.default_rng((seed, number)))
        acts = [day for day, type_, _ in events if type_ in ("session.started", "feature.used")]
        lives.append(Life(kind, max(acts), own_period(kind, acts)))
        for i, (day, type_, data) in enumerate(events):
            us = START_US + round(day * DAY_US)
            event = {"id": f"e{i}", "source": "sim", "type": type_, "customer_id": f"c{number}"}
            event |= {"occurred_at": from_us(us).isoformat(), "data": data}
            raws.append((us, json.dumps(event).encode()))
    raws.sort(key=lambda raw: raw[0])
    _decide_all(program, lives, [raw for _, raw in raws])
    return lives


def own_period(kind: Kind, visits: Sequence[float]) -> float:
    """Days from one visit, or burst of visits, to the next."""
    if not kind.is_random:
        return kind.period
    days = np.sort(visits)
    gaps = np.diff(days[days > days[-1] - 365])
    return float(np.mean(gaps[gaps >= 7]))


def _decide_all(program: CompiledScorecard, lives: list[Life], raws: list[bytes]) -> None:
    batch = decode_batch(raws, now_us=FOREVER_US)
    assert not batch.rejects, batch.rejects[:1]
    states = States(program, len(lives))
    states.admit([(f"c{i}", i + 1, 0) for i in range(len(lives))])
    rows = np.array([int(event.customer_id[1:]) for event in batch.events])
    types, ties = types_of(batch.events), tie_breakers(batch.digests)
    everybody, start = np.arange(len(lives)), 0
    for step in range(1, DAYS * 4):
        now_us = START_US + step * STEP_US
        end = int(np.searchsorted(batch.occurred_us, now_us, side="right"))
        part = slice(start, end)
        extract = program.extract(types[part], batch.events[part])
        states.fold(rows[part], extract, batch.occurred_us[part], ties[part])
        start = end
        instants = np.full(len(lives), now_us)
        view = View(program, *states.columns(everybody), now_us=instants, risk=states.risk)
        decisions = decide(program, evaluate(view), states.decisions.take(everybody))
        states.decisions.put(everybody, decisions.after)
        _record(program, lives, decisions, step / 4)


def _record(
    program: CompiledScorecard, lives: list[Life], decisions: Decisions, day: float
) -> None:
    names = program.scorecard.flag_names
    for change in decisions.flags:
        if change.alert and change.kind in ("raised", "renewed"):
            lives[change.row].alerts.append((day, names[change.flag]))
        if change.alert and change.kind == "escalated":
            lives[change.row].escalations.append(day)
    for moved in decisions.bands:
        if moved.alert:
            lives[moved.row].alerts.append((day, BAND_ALERT))
        if moved.before >= 0:
            lives[moved.row].band_changes.append(day)
    if day >= JUDGED_FROM:
        for life, band in zip(lives, decisions.after.band.tolist(), strict=True):
            life.decided += 1
            life.healthy += band == 0
