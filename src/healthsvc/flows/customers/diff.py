"""What moved a score between two instants: five parts that add up to the change, each by measure.

The parts are steps of one path. Late data: what had happened before the first instant and was
counted after it, seen as of the first instant. Ageing: the same, seen as of the second one. New
events: with everything counted by then. Configuration: under the version that was live then, and by
the variant of it that judges the customer's place of then; up to there the first instant's version
and variant judge. Override: what somebody's own judgement adds at either end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Any, Final

from healthsvc.core.folding import facts
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases.change import Change, moved
from healthsvc.core.scoring.explain import contributions
from healthsvc.flows.customers import past, read
from healthsvc.flows.customers.evaluated_customer import Seen
from healthsvc.flows.customers.past import Known
from healthsvc.store.customers import past as stored
from healthsvc.store.customers.past import CountedEvent
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.projections import live_projection
from healthsvc.store.projections.live_projection import Projection
from healthsvc.wire.events.catalogue import type_of
from healthsvc.wire.events.decode import decode_batch

KINDS: Final = ("new_events", "ageing", "late_data", "configuration", "override")
EVENTS_NAMED: Final = 10
SMALL: Final = 1e-9


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the scorecard says, without overrides: the score, and points by measure."""

    score: float | None
    points: Mapping[str, float]


async def between(
    engine: AsyncEngine,
    customer_id: str,
    since: datetime,
    until: datetime,
    language: Language = "en",
) -> dict[str, Any] | None:
    """The change of a customer's score, ready for JSON; None for an unknown customer. Raises
    PastNotKept."""
    async with engine.begin() as conn:
        known = await past.load(conn, customer_id)
        if known is None:
            return None
        first, last = await _end(conn, known, since), await _end(conn, known, until)
    return _told(known, first, last, language)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """One end of the span."""

    at: datetime
    projection: Projection
    events: list[CountedEvent]
    seen: Seen


async def _end(conn: AsyncConnection, known: Known, at: datetime) -> _End:
    then = await stored.live_at(conn, at) or await live_projection.live(conn)
    compiled = read.compiled(then.document)
    events = known.counted_by(at)
    frozen = await past.frozen_score(conn, known.key, compiled, at)
    seen = past.see(known, events, compiled, then.scorecard_version, at, frozen)
    return _End(at=at, projection=then, events=events, seen=seen)


def _told(known: Known, first: _End, last: _End, language: Language) -> dict[str, Any]:
    since_us = to_us(first.at)
    late = [e for e in last.events if e.counted_at > first.at and e.occurred_us <= since_us]
    new = [e for e in last.events if e.counted_at > first.at and e.occurred_us > since_us]
    before, after = first.seen.score, last.seen.score
    parts = _parts(known, first, last) if before is not None and after is not None else {}
    points = {kind: sum(moved.values()) for kind, moved in parts.items()}
    named = {"late_data": late, "new_events": new}
    return {
        "customer_id": known.customer_id,
        "from": _standing(first),
        "to": _standing(last),
        "change": None if before is None or after is None else after - before,
        "parts": [
            {
                "kind": kind,
                "points": points[kind],
                "measures": _measures(parts[kind]),
                "events_total": len(named.get(kind, ())),
                "events": _events(named.get(kind, ())),
            }
            for kind in KINDS
            if kind in parts
        ],
        "sentence": moved(
            language,
            Change(
                customer=last.seen.name or known.customer_id,
                since=first.at,
                until=last.at,
                before=before,
                after=after,
                parts=points,
                reasons={kind: _reasons(moves) for kind, moves in parts.items()},
            ),
        ),
    }


def _parts(known: Known, first: _End, last: _End) -> dict[str, dict[str, float]]:
    """By kind: points by measure; all of them together are the change."""
    since_us = to_us(first.at)
    with_late = [e for e in last.events if e.counted_at <= first.at or e.occurred_us <= since_us]

    def stage(events: Sequence[CountedEvent], end: _End, at: datetime) -> _Stage:
        compiled = read.compiled(end.projection.document)
        variant = end.seen.found.variant
        return _stage(
            past.see(known, events, compiled, end.projection.scorecard_version, at, None, variant)
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
        rest = (end.seen.score or 0.0) - (own.score or 0.0)
        kind, name = (
            ("ageing", "frozen_at_churn") if end.seen.frozen else ("override", facts.OVERRIDE)
        )
        if abs(rest) > SMALL or kind == "override":
            parts[kind][name] = parts[kind].get(name, 0.0) + sign * rest
    return parts


def _stage(seen: Seen) -> _Stage:
    score = float(seen.found.own[0])
    if isnan(score):
        return _Stage(None, {})
    points: dict[str, float] = {}
    for part in contributions(seen.view, seen.found, 0):
        if part.measure != facts.OVERRIDE:
            points[part.measure] = points.get(part.measure, 0.0) + part.points
    return _Stage(score, points)


def _filled(stages: Sequence[_Stage]) -> list[_Stage]:
    """Where there is no score in between, nothing moves until there is one again."""
    known = next((s for s in stages if s.score is not None), _Stage(0.0, {}))
    filled: list[_Stage] = []
    for stage in stages:
        known = stage if stage.score is not None else known
        filled.append(known)
    return filled


def _moved(before: _Stage, after: _Stage) -> dict[str, float]:
    names = dict.fromkeys([*before.points, *after.points])
    return {name: after.points.get(name, 0.0) - before.points.get(name, 0.0) for name in names}


def _standing(end: _End) -> dict[str, Any]:
    return {
        "at": end.at,
        "score": end.seen.score,
        "override": read.override_of(end.seen),
        "scorecard_version": end.seen.version,
        "variant": end.seen.variant,
    }


def _measures(moved: Mapping[str, float]) -> list[dict[str, Any]]:
    kept = [(name, points) for name, points in moved.items() if abs(points) > SMALL]
    return [
        {"measure": name, "points": points}
        for name, points in sorted(kept, key=lambda pair: -abs(pair[1]))
    ]


def _reasons(moved: Mapping[str, float]) -> list[str]:
    """The two measures that moved a part most, in its direction."""
    total = sum(moved.values())
    mine = [
        (name, points)
        for name, points in moved.items()
        if points * total > 0 and abs(points) >= 0.5
    ]
    return [
        name
        for name, _ in sorted(mine, key=lambda pair: -abs(pair[1]))[:2]
        if name != facts.OVERRIDE
    ]


def _events(events: Sequence[CountedEvent]) -> list[dict[str, Any]]:
    """The newest of them."""
    newest = sorted(events, key=lambda e: e.occurred_us, reverse=True)[:EVENTS_NAMED]
    batch = decode_batch([e.event.encode() for e in newest], now_us=1 << 62)
    return [
        {"id": e.id, "source": e.source, "type": type_of(e), "occurred_at": from_us(us)}
        for e, us in zip(batch.events, batch.occurred_us.tolist(), strict=True)
    ]
