"""Score, coverage and flags of customers as of an instant: pure functions of (state, scorecard,
now).

Customers of different variants are judged apart, each variant's as a batch of its own, by the same
functions.

Each judged measure has an *evidence* weight and a *value* between 0 (bad) and 1 (good). The raw
score is 100 times the weighted mean of the values, so a measure without evidence neither helps nor
harms; the points of the measures add up to it. Flags may cap it. All sums run over the measures in
declared order, elementwise: one row gives the same bits as the same row among many.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats, Instants, Mask, by_column, merged
from healthsvc.core.folding import facts as fact
from healthsvc.core.risk.model import risk
from healthsvc.core.scorecard import cohort
from healthsvc.core.scorecard.model import Measure, Scorecard
from healthsvc.core.scoring import rhythm, variant_choice
from healthsvc.core.scoring.flags import add_flags_after_score, flag_states
from healthsvc.core.scoring.flags.kind import NO_CAP, FlagStates, JudgedScore
from healthsvc.core.scoring.judges.kind import MeasureJudge
from healthsvc.core.scoring.leaving import leaving
from healthsvc.core.scoring.lifecycle import Stages, stages
from healthsvc.core.scoring.motion import ScoreParts, fastest_half_life_us
from healthsvc.core.scoring.view import View


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
    flags: FlagStates
    churned: Mask
    override_until_us: Floats
    """(n,) when the override in force expires, inf without one."""
    slot_expiry_us: Floats
    """(n,) next instant at which a function stops counting as used, inf where none does."""
    marks_change_us: Floats
    """(n,) next instant at which a judge's marks jump, inf where none do."""
    first_seen_us: Instants
    """(n,) the first event, 0 where there is none."""

    stages: Stages
    variant: Instants
    """(n,) number of the variant that judged; (1,) where there are none."""
    modelled_risk: Floats | None = None
    """(n,) by the risk model; None where the scorecard has none."""

    @property
    def risk(self) -> Floats:
        """(n,) 0-1: the risk model's (its kind says what the number is), else 1 - score / 100, a
        ranking; NaN where there is no score."""
        by_score: Floats = 1.0 - self.score / 100.0
        return (
            by_score
            if self.modelled_risk is None
            else np.where(np.isnan(self.score), np.nan, self.modelled_risk)
        )

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
    place: NDArray[np.int8]
    onset_us: Floats
    change_us: Floats
    flag_cap: Floats
    marks_change_us: Floats
    cap_drift: Floats
    is_habit: Mask
    risk: Floats
    """(n,) by the model, (n, 0) where there is none."""


def evaluate(view: View, variant: Instants | None = None) -> Evaluation:
    """Score and flags of each row as of its `now_us`.

    variant: judge by these variants (n,), whatever the places say.
    """
    card, churned = view.program.scorecard, leaving(view).has_left
    lifecycle = stages(view, churned)
    if variant is None:
        variant = (
            variant_choice.choose_variants(view, lifecycle)
            if card.variants
            else variant_choice.WHOLE
        )
    judgement = _judge_apart(view, variant)
    override, until = view.fact("override"), view.fact("override_until")
    overridden = ~np.isnan(override) & (view.now_us < np.nan_to_num(until, nan=0.0))
    return Evaluation(
        now_us=view.now_us,
        score=np.where(overridden, override, judgement.own),
        own=judgement.own,
        overridden=overridden,
        override_until_us=np.where(overridden, until, np.inf),
        raw=judgement.raw,
        weight=judgement.weight,
        value=judgement.value,
        coverage=judgement.coverage,
        cap=judgement.cap,
        flags=FlagStates(
            judgement.place,
            judgement.onset_us,
            _flag_changes_us(card, judgement, churned),
            judgement.flag_cap,
            judgement.cap_drift,
            judgement.is_habit,
        ),
        churned=churned,
        slot_expiry_us=_slot_expiry(view),
        marks_change_us=judgement.marks_change_us,
        modelled_risk=None if judgement.risk.ndim > 1 else judgement.risk,
        first_seen_us=np.where(view.fact("events") > 0, view.fact("first_seen"), 0.0).astype(
            np.int64
        ),
        stages=lifecycle,
        variant=variant,
    )


def _flag_changes_us(card: Scorecard, judgement: _Judgement, churned: Mask) -> Floats:
    """Of whoever has left, other flags than those about it don't change any more."""
    after_leaving = np.array([rule.after_leaving for rule in card.flags], bool)
    left, others = np.flatnonzero(churned), np.flatnonzero(~after_leaving)
    judgement.change_us[left[:, None], others] = np.inf
    return judgement.change_us


def _judge_apart(view: View, variant: Instants) -> _Judgement:
    """Each row by its variant's scorecard."""
    card, numbers = view.program.scorecard, np.unique(variant).tolist()
    if len(numbers) <= 1:
        return _judge(view, card.judging(numbers[0] if numbers else 0))
    groups = [np.flatnonzero(variant == number) for number in numbers]
    parts = [
        _judge(view.rows(at), card.judging(number))
        for number, at in zip(numbers, groups, strict=True)
    ]
    return _Judgement._make(merged(same, groups) for same in zip(*parts, strict=True))


def _judge(view: View, card: Scorecard) -> _Judgement:
    n, measures = len(view.now_us), card.scored_measures
    dimension, marks_change_us = dict(card.dimensions), np.full(n, np.inf)
    column = {name: i for i, name in enumerate(view.program.measures)}
    weight, value = (by_column(n, len(measures), 0.0) for _ in range(2))
    good, total, full, known_weight = np.zeros(n), np.zeros(n), 0.0, np.zeros(n)
    for k, measure in enumerate(measures):
        judge = measure.judge
        assert isinstance(judge, MeasureJudge)  # the document reader makes no other
        assert measure.dimension is not None
        evidence, marks, change_us = judge.judge(view, column[measure.of or measure.name])
        if change_us is not None:
            marks_change_us = np.minimum(marks_change_us, change_us)
        most = dimension[measure.dimension] * measure.share
        weight[:, k], value[:, k] = evidence * most, marks
        good = good + weight[:, k] * value[:, k]
        total = total + weight[:, k]
        if judge.expected:
            full += most
            known_weight = known_weight + np.where(evidence > 0, most, 0.0)
    standing = flag_states(view, card)
    is_test = _test_accounts(view)
    standing.clear(is_test)
    coverage = known_weight / full if full else known_weight
    enough = _enough(view, card, coverage) & (total > 1e-9) & ~is_test
    raw = np.where(enough, 100.0 * good / np.where(total > 1e-9, total, 1.0), np.nan)
    cap, override = _caps(card, standing)
    own = np.where(enough, np.minimum(raw, cap), np.where(override, cap, np.nan))
    if any(rule.after_score for rule in card.flags):
        _add_flags_after_score(view, card, standing, own, raw, good, total)
        standing.clear(is_test)
    return _Judgement(
        own=own,
        raw=raw,
        weight=weight,
        value=value,
        coverage=coverage,
        cap=cap,
        place=standing.place,
        onset_us=standing.onset_us,
        change_us=standing.change_us,
        flag_cap=standing.cap,
        marks_change_us=marks_change_us,
        cap_drift=standing.cap_drift,
        is_habit=standing.is_habit,
        risk=_modelled_risk(view, card, standing),
    )


def _add_flags_after_score(
    view: View,
    card: Scorecard,
    standing: FlagStates,
    own: Floats,
    raw: Floats,
    good: Floats,
    total: Floats,
) -> None:
    parts = ScoreParts(
        score=own,
        raw=np.where(np.isnan(raw), own, raw),
        good=good,
        total=total,
        cap=standing.cap,
        cap_drift=standing.cap_drift,
        half_life_us=float(fastest_half_life_us(card)),
    )
    floors = [band.floor for band in card.bands]
    judged = JudgedScore(
        parts=parts,
        best_floor=floors[0],
        low_floor=floors[max(len(floors) // 2 - 1, 0)],
        hysteresis=card.hysteresis,
    )
    add_flags_after_score(view, card, standing, judged)


def _test_accounts(view: View) -> Mask:
    """(n,) who is marked as a test account."""
    codes = [cohort.code(segment) for segment in view.program.scorecard.accounts.test]
    return np.isin(view.fact("segment_code"), codes)


def _enough(view: View, card: Scorecard, coverage: Floats) -> Mask:
    """(n,) whether enough is known for a score. It decides over score and band alone: flags, alerts
    and the worklist don't wait for it."""
    needs = card.evidence
    acts = (
        view.fact("events")
        if needs.measure is None
        else view.count(view.program.measures.index(needs.measure))
    )
    enough: Mask = (acts >= needs.events) & (coverage >= needs.coverage)
    return enough


def _modelled_risk(view: View, card: Scorecard, standing: FlagStates) -> Floats:
    """The model's risk. Trouble that was told also lifts a ranking: whoever looks at the cancel
    page or waits for an answer to a complaint comes first, however much they use. Absence doesn't:
    the model sees it, and orders by it better than a flag. A probability isn't touched."""
    snapshot, rules = view.risk_snapshot(), view.program.risk_rules
    if snapshot is None or rules is None:
        return np.zeros((len(view.now_us), 0))
    modelled = risk(rules.model, snapshot)
    for f, rule in enumerate(card.flags):
        if rules.model.kind == "ranking" and rule.cap is not None and not rule.of_absence:
            modelled = np.maximum(modelled, 1.0 - standing.cap[:, f] / 100.0)
    return modelled


def best_points(measures: tuple[Measure, ...], weight: Floats) -> Floats:
    """(k,) points that each measure would give at best, for one row's weights."""
    total = 0.0
    for w in weight.tolist():
        total += w
    return 100.0 * weight / total if total > 1e-9 else np.zeros(len(measures))


def _caps(card: Scorecard, standing: FlagStates) -> tuple[Floats, Mask]:
    n, holds = len(standing.place), standing.holds
    cap, override = np.full(n, NO_CAP), np.zeros(n, bool)
    for f, rule in enumerate(card.flags):
        cap = np.minimum(cap, standing.cap[:, f])
        if rule.cap is not None and rule.override:
            override |= holds[:, f]
    return cap, override


def _slot_expiry(view: View) -> Floats:
    slots = view.facts[:, fact.SLOT_0 : fact.SLOT_0 + fact.SLOTS]
    ends = np.where(slots > 0, slots + rhythm.extent_span_us(view)[:, None], np.inf)
    next_end: Floats = np.where(ends > view.now_us[:, None], ends, np.inf).min(axis=1)
    return next_end
