"""Why the score is what it is: points per measure that add up to it, caps included, each with the
instants of the events that made it."""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.folding.facts import OVERRIDE
from healthsvc.core.scorecard.model import FlagRule, Measure, Scorecard
from healthsvc.core.scorecard.texts import NO_TEXT, Text
from healthsvc.core.scoring.evaluate import Evaluation, best_points
from healthsvc.core.scoring.flags.kind import NO_CAP
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """Points that one measure (or cap) adds to the score, and the newest instants at which it was
    fed."""

    measure: str
    dimension: str
    points: float
    best: float
    """What the measure would give at its best now; 0 for a cap."""
    value: float
    evidence_us: tuple[int, ...]
    fed_by: str
    """The kept measure whose feeds name its events."""
    why: Text
    """The scorecard's reason; none where an override speaks."""


def contributions(view: View, evaluation: Evaluation, row: int) -> list[Contribution]:
    """Contributions of one row; their points add up to its score. Empty where there is no score."""
    score = float(evaluation.score[row])
    if np.isnan(score):
        return []
    measures = _card(view, evaluation, row).scored_measures
    best = best_points(measures, evaluation.weight[row])
    parts: list[Contribution] = []
    if not np.isnan(evaluation.raw[row]):
        parts = [
            _measure(view, evaluation, row, k, m, float(best[k]))
            for k, m in enumerate(measures)
            if evaluation.weight[row, k] > 0
        ]
    total = 0.0
    for part in parts:
        total += part.points
    own = float(evaluation.own[row])
    if not np.isnan(own) and abs(own - total) > 1e-9:
        parts.append(_cap(view, evaluation, row, own - total))
        total += own - total
    if evaluation.overridden[row]:
        parts.append(_override(view, row, score - total))
    return parts


def _override(view: View, row: int, points: float) -> Contribution:
    return Contribution(
        measure=OVERRIDE,
        dimension="override",
        points=points,
        best=0.0,
        value=0.0,
        evidence_us=(int(view.fact("override_since")[row]),),
        fed_by="",
        why=NO_TEXT,
    )


def _measure(
    view: View, evaluation: Evaluation, row: int, k: int, measure: Measure, best: float
) -> Contribution:
    fed_by = measure.of or measure.name
    value = float(evaluation.value[row, k])
    return Contribution(
        measure=measure.name,
        dimension=measure.dimension or "",
        points=best * value,
        best=best,
        value=value,
        evidence_us=evidence(view, row, fed_by),
        fed_by=fed_by,
        why=measure.why,
    )


def _cap(view: View, evaluation: Evaluation, row: int, points: float) -> Contribution:
    rule = capping_rule(view, evaluation, row)
    fed_by = _measure_behind(_card(view, evaluation, row), rule) if rule else ""
    return Contribution(
        measure=f"cap:{rule.name}" if rule else "rounding",
        dimension="exception",
        points=points,
        best=0.0,
        value=0.0,
        evidence_us=evidence(view, row, fed_by) if fed_by else (),
        fed_by=fed_by,
        why=rule.title if rule else NO_TEXT,
    )


def _card(view: View, evaluation: Evaluation, row: int) -> Scorecard:
    """What judged the row."""
    return view.program.scorecard.judging(evaluation.variant_of(row))


def _measure_behind(card: Scorecard, rule: FlagRule) -> str:
    """The measure that the rule looks at; of a rule about other flags, the first that one of them
    looks at."""
    parts = [part.measure for part in card.flags if part.name in rule.of and part.measure]
    return rule.measure or next(iter(parts), "")


def capping_rule(view: View, evaluation: Evaluation, row: int) -> FlagRule | None:
    """The flag whose cap is the lowest; the first declared where several share it."""
    rules = _card(view, evaluation, row).flags
    caps: list[float] = evaluation.flags.cap[row].tolist()
    lowest = min(caps, default=NO_CAP)
    return rules[caps.index(lowest)] if lowest < NO_CAP else None


def evidence(view: View, row: int, measure: str) -> tuple[int, ...]:
    """The newest instants (at most three) at which the measure was fed, newest first."""
    first = len(view.program.half_lives_us) + 1
    column = view.program.measures.index(measure)
    return tuple(int(t) for t in view.cells[row, column, first : first + 3] if t > 0)
