"""What moved a score between two instants: five parts that add up to the change, each by measure.

The parts are steps of one path. Late data: what had happened before the first instant and was
counted after it, seen as of the first instant. Ageing: the same, seen as of the second one. New
events: with everything counted by then. Configuration: under the version that was live then, and by
the variant of it that judges the customer's place of then; up to there the first instant's version
and variant judge. Override: what somebody's own judgement adds at either end.

Of a customer whose past was imported after the first instant nothing had been counted by then. Its
ends are compared by when things happened: the first one is what the imported past comes to, and
nothing is late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Final, Literal, get_args

from healthsvc.core.folding import facts
from healthsvc.core.instants import to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases.change import ScoreMovement, moved
from healthsvc.core.scoring.explain import contributions
from healthsvc.flows.customers import past
from healthsvc.flows.customers.current_override import CurrentOverride, current_override
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer, compiled
from healthsvc.flows.customers.evidence import NamedEvent, named_events
from healthsvc.flows.customers.past import CustomerPast
from healthsvc.store.customers import past as stored
from healthsvc.store.customers.past import CountedEvent
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.projections import live_projection
from healthsvc.store.projections.live_projection import Projection

PartKind = Literal["new_events", "ageing", "late_data", "configuration", "override"]
ComparedBy = Literal["counted", "occurred"]
"""counted: what had been counted by each instant; occurred: what had happened by then."""
KINDS: Final[tuple[PartKind, ...]] = get_args(PartKind)
EVENTS_NAMED: Final = 10
SMALL: Final = 1e-9
NAMED_FROM: Final = 0.5
"""A measure that moved fewer points isn't named as a reason."""

PointsByMeasure = dict[str, float]

_REST: Final[dict[bool, tuple[str, str]]] = {
    True: ("ageing", "frozen_at_churn"),
    False: ("override", facts.OVERRIDE),
}
"""By whether the score is frozen: part and measure of what the scorecard doesn't explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureChange:
    """What one measure, cap or override moved."""

    measure: str
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePart:
    """One reason of the change; the measures' points add up to its own."""

    kind: PartKind
    points: float
    measures: list[MeasureChange]
    events_total: int
    events: list[NamedEvent]
    """The newest of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAt:
    """The score at one of the two instants, and what it came from."""

    at: datetime
    score: float | None
    override: CurrentOverride | None
    scorecard_version: int
    variant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange:
    """The change of a customer's score; the parts' points add up to it."""

    customer_id: str
    first: ScoreAt
    last: ScoreAt
    change: float | None
    """None where either end has no score."""
    compared_by: ComparedBy
    imported_at: datetime | None
    """When the first event from before the first instant was counted; None unless it was after
    that."""
    parts: list[ChangePart]
    sentence: str


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the scorecard says, without overrides: the score, and points by measure."""

    score: float | None
    points: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """One end of the span."""

    at: datetime
    projection: Projection
    events: list[CountedEvent]
    customer: EvaluatedCustomer


async def between(
    engine: AsyncEngine,
    customer_id: str,
    since: datetime,
    until: datetime,
    language: Language = "en",
) -> ScoreChange | None:
    """The change of a customer's score; None for an unknown customer. Raises PastNotKept."""
    async with engine.begin() as conn:
        history = await past.load(conn, customer_id)
        if history is None:
            return None
        first = await _end(conn, history, since, history.counted_by(since))
        last = await _end(conn, history, until, history.counted_by(until))
        imported = _imported_before(first, last)
        if imported:
            first = await _end(conn, history, since, imported)
    imported_at = min((e.counted_at for e in imported), default=None)
    return _change(history, first, last, imported_at, language)


def _imported_before(first: _End, last: _End) -> list[CountedEvent]:
    """What had happened by the first instant, where too little of it had been counted by then for
    a score, and the rest has been since; else nothing."""
    if first.customer.score is not None:
        return []
    since_us = to_us(first.at)
    happened = [e for e in last.events if e.occurred_us <= since_us]
    return happened if any(e.counted_at > first.at for e in happened) else []


async def _end(
    conn: AsyncConnection, history: CustomerPast, at: datetime, events: list[CountedEvent]
) -> _End:
    then = await stored.live_at(conn, at) or await live_projection.live(conn)
    card = compiled(then.document)
    decided = await past.decided_then(conn, history.key, card, then.scorecard_version, at)
    customer = past.evaluate_events(history, events, card, then.scorecard_version, at, decided)
    return _End(at=at, projection=then, events=events, customer=customer)


def _change(
    history: CustomerPast,
    first: _End,
    last: _End,
    imported_at: datetime | None,
    language: Language,
) -> ScoreChange:
    before, after = first.customer.score, last.customer.score
    parts = _parts(history, first, last) if before is not None and after is not None else {}
    points = {kind: sum(by_measure.values()) for kind, by_measure in parts.items()}
    events = _events_by_kind(first, last)
    return ScoreChange(
        customer_id=history.customer_id,
        first=_score_at(first),
        last=_score_at(last),
        change=None if before is None or after is None else after - before,
        compared_by="counted" if imported_at is None else "occurred",
        imported_at=imported_at,
        parts=[
            ChangePart(
                kind=kind,
                points=points[kind],
                measures=_measures(parts[kind]),
                events_total=len(events.get(kind, ())),
                events=_newest(events.get(kind, ())),
            )
            for kind in KINDS
            if kind in parts
        ],
        sentence=moved(
            language,
            ScoreMovement(
                customer=last.customer.name or history.customer_id,
                since=first.at,
                until=last.at,
                before=before,
                after=after,
                imported_at=imported_at,
                parts=points,
                reasons={kind: _reasons(by_measure) for kind, by_measure in parts.items()},
            ),
        ),
    )


def _events_by_kind(first: _End, last: _End) -> dict[str, list[CountedEvent]]:
    """The events that were counted between the ends: those that had happened before, and the
    others."""
    since_us = to_us(first.at)
    known = {id(e) for e in first.events}
    counted_since = [e for e in last.events if id(e) not in known]
    return {
        "late_data": [e for e in counted_since if e.occurred_us <= since_us],
        "new_events": [e for e in counted_since if e.occurred_us > since_us],
    }


def _parts(history: CustomerPast, first: _End, last: _End) -> dict[str, PointsByMeasure]:
    """By kind: points by measure; all of them together are the change."""
    since_us = to_us(first.at)
    known = {id(e) for e in first.events}
    with_late = [e for e in last.events if id(e) in known or e.occurred_us <= since_us]

    def stage(events: Sequence[CountedEvent], end: _End, at: datetime) -> _Stage:
        card, version = compiled(end.projection.document), end.projection.scorecard_version
        variant = end.customer.evaluation.variant
        return _stage(
            past.evaluate_events(history, events, card, version, at, past.NOTHING_DECIDED, variant)
        )

    stages = _filled(
        [
            stage(first.events, first, first.at),
            stage(with_late, first, first.at),
            stage(with_late, first, last.at),
            stage(last.events, first, last.at),
            stage(last.events, last, last.at),
        ]
    )
    kinds = ("late_data", "ageing", "new_events", "configuration")
    parts = {kind: _moved(a, b) for kind, a, b in zip(kinds, stages, stages[1:], strict=False)}
    parts["override"] = {}
    for end, own, sign in ((first, stages[0], -1.0), (last, stages[-1], 1.0)):
        rest = (end.customer.score or 0.0) - (own.score or 0.0)
        _add_rest(parts, rest * sign, frozen=end.customer.frozen)
    return parts


def _add_rest(parts: dict[str, PointsByMeasure], rest: float, *, frozen: bool) -> None:
    """What the scorecard doesn't explain at one end: the score frozen at churn, or an override."""
    kind, name = _REST[frozen]
    if abs(rest) > SMALL or kind == "override":
        parts[kind][name] = parts[kind].get(name, 0.0) + rest


def _stage(customer: EvaluatedCustomer) -> _Stage:
    score = float(customer.evaluation.own[customer.row])
    if isnan(score):
        return _Stage(None, {})
    points: PointsByMeasure = {}
    for part in contributions(customer.view, customer.evaluation, customer.row):
        if part.measure != facts.OVERRIDE:
            points[part.measure] = points.get(part.measure, 0.0) + part.points
    return _Stage(score, points)


def _filled(stages: Sequence[_Stage]) -> list[_Stage]:
    """Where there is no score in between, nothing moves until there is one again."""
    last_scored = next((s for s in stages if s.score is not None), _Stage(0.0, {}))
    filled: list[_Stage] = []
    for stage in stages:
        last_scored = stage if stage.score is not None else last_scored
        filled.append(last_scored)
    return filled


def _moved(before: _Stage, after: _Stage) -> PointsByMeasure:
    names = dict.fromkeys([*before.points, *after.points])
    return {name: after.points.get(name, 0.0) - before.points.get(name, 0.0) for name in names}


def _score_at(end: _End) -> ScoreAt:
    return ScoreAt(
        at=end.at,
        score=end.customer.score,
        override=current_override(end.customer),
        scorecard_version=end.customer.version,
        variant=end.customer.variant,
    )


def _measures(by_measure: Mapping[str, float]) -> list[MeasureChange]:
    """Those that moved, the most first."""
    changes = [(name, points) for name, points in by_measure.items() if abs(points) > SMALL]
    return [
        MeasureChange(measure=name, points=points)
        for name, points in sorted(changes, key=lambda pair: -abs(pair[1]))
    ]


def _reasons(by_measure: Mapping[str, float]) -> list[str]:
    """The two measures that moved a part most, in its direction."""
    total = sum(by_measure.values())
    along = [
        (name, points)
        for name, points in by_measure.items()
        if points * total > 0 and abs(points) >= NAMED_FROM
    ]
    strongest = sorted(along, key=lambda pair: -abs(pair[1]))[:2]
    return [name for name, _ in strongest if name != facts.OVERRIDE]


def _newest(events: Sequence[CountedEvent]) -> list[NamedEvent]:
    newest = sorted(events, key=lambda e: e.occurred_us, reverse=True)[:EVENTS_NAMED]
    return named_events([e.event for e in newest])
