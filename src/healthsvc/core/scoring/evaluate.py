"""Score, coverage and flags of customers as of an instant: pure functions of (state, scorecard, now), for one
customer or many alike.

Customers of different variants are judged apart, each variant's as a batch of its own, by the same functions.

Each judged measure has an *evidence* weight and a *value* between 0 (bad) and 1 (good). The raw score is 100 times
the weighted mean of
the values, so a measure without evidence neither helps nor harms; the points of the measures add up to it. Flags may
cap it.
All sums run over the measures in declared order, elementwise: one row gives the same bits as the same row among many.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.folding import facts as fact
from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import Floats, Instants
from healthsvc.core.risk.model import risk
from healthsvc.core.scorecard.model import Judge, Measure, Scorecard
from healthsvc.core.scoring import baseline, variant_choice
from healthsvc.core.scoring.flags import Standing, flag_states
from healthsvc.core.scoring.lifecycle import Stages, stages
from healthsvc.core.scoring.view import View

Mask = NDArray[np.bool_]
_SLOT_SPAN_US: Final = fact.SLOT_SPAN_DAYS * DAY_US


@dataclass(frozen=True, slots=True)
class Evaluation:
    """n customers, k judged measures, f flags."""

    now_us: Instants
    score: Floats
    """(n,) effective score 0-100, an override included; NaN without enough evidence."""
    own: Floats
    """(n,) what the scorecard says, caps included, without an override."""
    overridden: Mask
    """(n,) somebody's override is in force."""
    raw: Floats
    """(n,) before caps; NaN without enough evidence."""
    weight: Floats
    """(n, k) evidence weight of each judged measure now."""
    value: Floats
    """(n, k) 0 bad .. 1 good."""
    coverage: Floats
    """(n,) share of the scorecard's weight that has evidence."""
    cap: Floats
    """(n,) the lowest cap in force, 100 where none is."""
    standing: Standing
    churned: Mask
    override_until_us: Floats
    """(n,) when the override in force expires, inf without one."""
    slot_expiry_us: Floats
    """(n,) next instant at which a function stops counting as used, inf where none does."""
    first_seen_us: Instants
    """(n,) the first event, 0 where there is none."""

    stages: Stages
    variant: Instants
    """(n,) number of the variant that judged; (1,) where there are none."""
    modelled_risk: Floats | None = None
    """(n,) by the risk model; None where the scorecard has none."""

    @property
    def risk(self) -> Floats:
        """(n,) 0-1: the risk model's (its kind says what the number is), else 1 - score / 100, a ranking; NaN where
        there is no score."""
        by_score: Floats = 1.0 - self.score / 100.0
        return by_score if self.modelled_risk is None else np.where(np.isnan(self.score), np.nan, self.modelled_risk)

    def variant_of(self, row: int) -> int:
        return int(self.variant[row if len(self.variant) > 1 else 0])


class _Judgement(NamedTuple):
    """What hangs on the scorecard or variant that judges; as in `Evaluation`."""

    own: Floats
    raw: Floats
    weight: Floats
    value: Floats
    coverage: Floats
    cap: Floats
    holds: Mask
    onset_us: Floats
    change_us: Floats
    risk: Floats
    """(n,) by the model, (n, 0) where there is none."""


def evaluate(view: View, variant: Instants | None = None) -> Evaluation:
    """Score and flags of each row as of its `now_us`.

    variant: judge by these variants (n,), whatever the places say.
    """
    card, churned = view.program.scorecard, _churned(view)
    found_stages = stages(view, churned)
    if variant is None:
        variant = variant_choice.chosen(view, found_stages) if card.variants else variant_choice.WHOLE
    judged = _judge_apart(view, variant)
    said, until = view.fact("override"), view.fact("override_until")
    overridden = ~np.isnan(said) & (view.now_us < np.nan_to_num(until, nan=0.0))
    return Evaluation(
        now_us=view.now_us,
        score=np.where(overridden, said, judged.own),
        own=judged.own,
        overridden=overridden,
        override_until_us=np.where(overridden, until, np.inf),
        raw=judged.raw,
        weight=judged.weight,
        value=judged.value,
        coverage=judged.coverage,
        cap=judged.cap,
        standing=Standing(judged.holds, judged.onset_us, judged.change_us),
        churned=churned,
        slot_expiry_us=_slot_expiry(view),
        modelled_risk=None if judged.risk.ndim > 1 else judged.risk,
        first_seen_us=np.where(view.fact("events") > 0, view.fact("first_seen"), 0.0).astype(np.int64),
        stages=found_stages,
        variant=variant,
    )


def _judge_apart(view: View, variant: Instants) -> _Judgement:
    """Each row by its variant's scorecard."""
    card, numbers = view.program.scorecard, np.unique(variant).tolist()
    if len(numbers) == 1:
        return _judge(view, card.judging(numbers[0]))
    groups = [np.flatnonzero(variant == number) for number in numbers]
    parts = [_judge(view.rows(at), card.judging(number)) for number, at in zip(numbers, groups, strict=True)]
    back = np.argsort(np.concatenate(groups))
    return _Judgement._make(np.concatenate(same)[back] for same in zip(*parts, strict=True))


def _judge(view: View, card: Scorecard) -> _Judgement:
    n, judged = len(view.now_us), card.judged
    dimension = dict(card.dimensions)
    column = {name: i for i, name in enumerate(view.program.measures)}
    weight, value = np.zeros((n, len(judged))), np.zeros((n, len(judged)))
    good, total, full, covered = np.zeros(n), np.zeros(n), 0.0, np.zeros(n)
    for k, measure in enumerate(judged):
        judge = measure.judge
        assert judge is not None  # `judged` holds no others
        assert measure.dimension is not None
        evidence, marks = _JUDGES[judge.kind](view, column[measure.of or measure.name], judge)
        most = dimension[measure.dimension] * measure.share
        weight[:, k], value[:, k] = evidence * most, marks
        good = good + weight[:, k] * value[:, k]
        total = total + weight[:, k]
        if judge.kind in _EXPECTED:
            full += most
            covered = covered + np.where(evidence > 0, most, 0.0)
    standing = flag_states(view, card)
    enough = (view.fact("events") >= card.evidence_events) & (total > 1e-9)
    raw = np.where(enough, 100.0 * good / np.where(total > 1e-9, total, 1.0), np.nan)
    cap, override = _caps(card, standing)
    return _Judgement(
        own=np.where(enough, np.minimum(raw, cap), np.where(override, cap, np.nan)),
        raw=raw,
        weight=weight,
        value=value,
        coverage=covered / full if full else covered,
        cap=cap,
        holds=standing.holds,
        onset_us=standing.onset_us,
        change_us=standing.change_us,
        risk=_modelled_risk(view, card, standing),
    )


def _modelled_risk(view: View, card: Scorecard, standing: Standing) -> Floats:
    """The model's risk. An exception that overrides any average also lifts a ranking: whoever looks at the cancel page
    comes first, however much they use. A probability isn't touched."""
    seen, rules = view.risk_snapshot(), view.program.risk_rules
    if seen is None or rules is None:
        return np.zeros((len(view.now_us), 0))
    found = risk(rules.model, seen)
    for f, rule in enumerate(card.flags):
        if rules.model.kind == "ranking" and rule.override and rule.cap is not None:
            found = np.where(standing.holds[:, f], np.maximum(found, 1.0 - rule.cap / 100.0), found)
    return found


def best_points(judged: tuple[Measure, ...], weight: Floats) -> Floats:
    """(k,) points that each measure would give at best, for one row's weights."""
    total = 0.0
    for w in weight.tolist():
        total += w
    return 100.0 * weight / total if total > 1e-9 else np.zeros(len(judged))


def _caps(card: Scorecard, standing: Standing) -> tuple[Floats, Mask]:
    n = len(standing.holds)
    cap, override = np.full(n, 100.0), np.zeros(n, bool)
    for f, rule in enumerate(card.flags):
        if rule.cap is not None:
            cap = np.where(standing.holds[:, f], np.minimum(cap, rule.cap), cap)
            if rule.override:
                override |= standing.holds[:, f]
    return cap, override


def _churned(view: View) -> Mask:
    cancelled = view.fact("cancelled_at")
    effective = np.nan_to_num(view.fact("cancel_effective"), nan=0.0)
    return (cancelled > 0) & (cancelled >= view.fact("renewed_at")) & (effective <= view.now_us)


def _slot_expiry(view: View) -> Floats:
    slots = view.facts[:, fact.SLOT_0 : fact.SLOT_0 + fact.SLOTS]
    ends = np.where(slots > 0, slots + _SLOT_SPAN_US, np.inf)
    next_end: Floats = np.where(ends > view.now_us[:, None], ends, np.inf).min(axis=1)
    return next_end


Judged = tuple[Floats, Floats]


def _habit(view: View, measure: int, judge: Judge) -> Judged:
    """Today's rate against the customer's own."""
    evidence = (view.count(measure) >= judge.min_events).astype(np.float64)
    return evidence, np.minimum(1.0, baseline.ratio(view, measure) / judge.at)


def _saturated(level: Floats, half: float) -> Floats:
    return 1.0 - np.exp2(-(level / half))


def _target(view: View, measure: int, judge: Judge) -> Judged:
    level = view.level(measure, len(view.program.half_lives_us) - 1)
    return (view.count(measure) >= judge.min_events).astype(np.float64), _saturated(level, judge.at)


def _segment(view: View, measure: int, judge: Judge) -> Judged:
    """The place of today's level among the customers of the segment, as frozen with the version."""
    known = (view.count(measure) >= judge.min_events).astype(np.float64)
    level = view.level(measure, 0)
    if judge.reference is None:
        return known, _saturated(level, judge.at)
    return known, judge.reference.places(level, view.fact("segment_code"))


def _trouble(view: View, measure: int, judge: Judge) -> Judged:
    evidence = _saturated(view.level(measure, 0), judge.at)
    return evidence, np.zeros_like(evidence)


def _credit(view: View, measure: int, judge: Judge) -> Judged:
    evidence = _saturated(view.level(measure, len(view.program.half_lives_us) - 1), judge.at)
    return evidence, np.ones_like(evidence)


def _extent(view: View, measure: int, judge: Judge) -> Judged:
    """Functions used in the last 28 days over the functions owned (as told, else all that were ever used, at least
    `at`)."""
    ever, used = view.functions(), view.functions(since_us=view.now_us - _SLOT_SPAN_US)
    owned = view.fact("features_owned")
    owned = np.where(np.isnan(owned) | (owned <= 0), np.maximum(ever, judge.at), np.maximum(owned, 1.0))
    return (ever > 0).astype(np.float64), np.minimum(1.0, used / owned)


def _survey(view: View, measure: int, judge: Judge) -> Judged:
    answer = view.fact(judge.fact)
    known = ~np.isnan(answer)
    marks = np.clip((np.where(known, answer, judge.worst) - judge.worst) / (judge.best - judge.worst), 0.0, 1.0)
    return np.where(known, view.ageing(view.fact(f"{judge.fact}_at"), judge.half_life_us), 0.0), marks


def _ratio(view: View, measure: int, judge: Judge) -> Judged:
    part, whole = view.fact(judge.fact), view.fact(judge.to)
    known = ~np.isnan(part) & ~np.isnan(whole) & (whole > 0)
    return known.astype(np.float64), np.where(
        known, np.clip(part / np.where(known, whole, 1.0) / judge.at, 0.0, 1.0), 0.0
    )


def _open(view: View, measure: int, judge: Judge) -> Judged:
    evidence = (view.fact(judge.fact) > 0).astype(np.float64)
    return evidence, np.zeros_like(evidence)


def _served(view: View, measure: int, judge: Judge) -> Judged:
    at = view.fact(judge.fact)
    return np.where(at > 0, view.ageing(at, judge.half_life_us), 0.0), np.full(len(at), judge.best)


_JUDGES: Final[dict[str, Callable[[View, int, Judge], Judged]]] = {
    "habit": _habit,
    "target": _target,
    "segment": _segment,
    "trouble": _trouble,
    "credit": _credit,
    "extent": _extent,
    "survey": _survey,
    "ratio": _ratio,
    "open": _open,
    "served": _served,
}
_EXPECTED: Final = frozenset(("habit", "target", "segment", "extent", "survey", "ratio"))
"""Judges whose lack of evidence is a gap in what is known; trouble and credit are only there when something
happened."""


def fastest_half_life_us(card: Scorecard) -> int:
    """No part of a score fades faster than this: what the timers' lower bounds rest on."""
    judges = [m.judge for m in card.judged if m.judge is not None]
    answers = [j.half_life_us for j in judges if j.kind in ("survey", "served")]
    places = [round(card.half_lives_us[0] / j.reference.steepest) for j in judges if j.reference is not None]
    return min((*card.half_lives_us, *answers, *places))
