"""Loyalty: the second axis beside risk. Long stay, repeat purchase, recommends; not the same as a
large account.

100 times the weighted mean of the grounds that are known: acts (recommending, renewing, asking for
more) that didn't happen earn nothing, while an answer that nobody gave, and use that nobody saw,
are left out. Points add up to it. Pure functions of (state, rules, now), elementwise in declared
order: one row gives the same bits as among many.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.instants import DAY_US, SECOND_US
from healthsvc.core.scorecard.relationship import ACTS, HeavyUse, LoyaltyRule, LoyaltyRules
from healthsvc.core.scorecard.surveys import SURVEYS
from healthsvc.core.scoring.surveys import mean_answer
from healthsvc.core.scoring.view import View

LISTED_STEP: Final = 10.0
"""Lists are written anew when the loyalty has moved by so many points since."""
_LN2: Final = float(np.log(2.0))
_NEVER_US: Final = 100 * 365.0 * DAY_US


@dataclass(frozen=True, slots=True)
class LoyaltyScore:
    """(n,) each: what decisions need of the loyalty."""

    loyalty: Floats
    """0-100; NaN with too little evidence."""
    whole: Floats
    """The weights that count."""
    fading: Floats
    """Weight times marks of the habits: what is lost if nothing more is used."""
    since_us: Floats
    """When it was last shown."""
    change_us: Floats
    """When time alone ends what one of its grounds says; inf where it doesn't."""


@dataclass(frozen=True, slots=True)
class LoyaltyParts:
    """n customers, p parts: what explains it."""

    loyalty: Floats
    """(n,) as in `LoyaltyScore`."""
    points: Floats
    """(n, p) what each part gives; they add up to the loyalty."""
    best: Floats
    """(n, p) what it would give at best; 0 where it is left out."""
    value: Floats
    """(n, p) marks, 0 to 1."""
    known: Mask
    """(n, p) there is something to go by."""
    amount: Floats
    """(n, p) what there is: days stayed, events, the answer, the share of the habit, 1 for what
    happened."""
    since_us: Floats
    """(n, p) when that was amount or happened last; 0 where nothing was."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """(n,) each: whether there is something to go by, its marks, what it is, since when, until when
    by itself."""

    known: Mask
    value: Floats
    amount: Floats
    since_us: Floats
    change_us: Floats | None = None


def loyalty_score(view: View, rules: LoyaltyRules, heavy_use: HeavyUse | None) -> LoyaltyScore:
    """Loyalty of each row as of its `now_us`."""
    n = len(view.now_us)
    good, total, fading, grounds = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    since, change = np.zeros(n), np.full(n, np.inf)
    for part, ground in _grounds(view, rules, heavy_use):
        weight, marks = _weight(part, ground), ground.value * ground.known
        good, total = good + weight * marks, total + weight
        if part.kind == "habit":
            fading = fading + weight * marks
        grounds, since = grounds + ground.known, np.maximum(since, ground.since_us * ground.known)
        if ground.change_us is not None:
            change = np.where(ground.known, np.minimum(change, ground.change_us), change)
    enough = (grounds >= rules.evidence) & (total > 0)
    loyalty = np.where(enough, 100.0 * good / np.where(total > 0, total, 1.0), np.nan)
    return LoyaltyScore(loyalty, total, fading, since, change)


def loyalty_parts(view: View, rules: LoyaltyRules, heavy_use: HeavyUse | None) -> LoyaltyParts:
    """The same, part by part."""
    whole = loyalty_score(view, rules, heavy_use)
    parts = list(_grounds(view, rules, heavy_use))
    value = np.stack([ground.value * ground.known for _, ground in parts], axis=1)
    weight = np.stack([_weight(part, ground) for part, ground in parts], axis=1)
    total = np.where(whole.whole > 0, whole.whole, 1.0)[:, None]
    return LoyaltyParts(
        loyalty=whole.loyalty,
        points=100.0 * weight * value / total,
        best=100.0 * weight / total,
        value=value,
        known=np.stack([ground.known for _, ground in parts], axis=1),
        amount=np.stack([ground.amount * ground.known for _, ground in parts], axis=1),
        since_us=np.stack([ground.since_us * ground.known for _, ground in parts], axis=1),
    )


def _grounds(
    view: View, rules: LoyaltyRules, heavy_use: HeavyUse | None
) -> Iterator[tuple[LoyaltyRule, _Ground]]:
    for part in rules.parts:
        ground = _GROUNDS[part.kind](view, part)
        if part.heavy:
            much, until_us = _heavy(view, heavy_use)
            ends = until_us if ground.change_us is None else np.minimum(ground.change_us, until_us)
            ground = _Ground(
                ground.known & much, ground.value, ground.amount, ground.since_us, ends
            )
        yield part, ground


def _weight(part: LoyaltyRule, ground: _Ground) -> Floats:
    """(n,) of a part; what isn't known of others than acts counts for nothing, an act not done for
    no marks."""
    always = part.kind in ACTS
    counts: Floats = (
        np.full(len(ground.known), part.weight)
        if always
        else np.where(ground.known, part.weight, 0.0)
    )
    return counts


def use_a_day(view: View, rule: HeavyUse) -> Floats:
    """(n,) events of the measure a day, over the long-loyalty_score half-life."""
    rate: Floats = view.rate(
        view.program.measures.index(rule.measure), len(view.program.half_lives_us) - 1
    )
    return rate


def _heavy(view: View, rule: HeavyUse | None) -> tuple[Mask, Floats]:
    """Who uses much, and until when if nothing more is used."""
    if rule is None:
        return np.zeros(len(view.now_us), bool), np.full(len(view.now_us), np.inf)
    rate = use_a_day(view, rule)
    much: Mask = rate >= rule.a_day
    ahead = np.log2(np.where(much, rate, rule.a_day) / rule.a_day) * view.program.half_lives_us[-1]
    until: Floats = view.now_us + np.floor(ahead)
    return much, until


def to_list(view: View, looked_at: Mask, last_listed: Floats) -> tuple[Floats, Mask]:
    """The loyalty that lists should tell, (n,), and of whom they should tell it anew: where it
    became known or unknown, or moved by `LISTED_STEP` since. Only the rows of `looked_at` are
    looked at; the others keep what is listed."""
    loyalty, rules, at = last_listed.copy(), view.program.relationship, np.flatnonzero(looked_at)
    if rules.loyalty is None or not len(at):
        return loyalty, np.zeros(len(loyalty), bool)
    loyalty[at] = loyalty_score(view.rows(at), rules.loyalty, rules.heavy_use).loyalty
    unlike = np.isnan(loyalty) != np.isnan(last_listed)
    return loyalty, unlike | (
        np.abs(np.nan_to_num(loyalty) - np.nan_to_num(last_listed)) >= LISTED_STEP
    )


def turns_us(view: View, rules: LoyaltyRules, loyalty_score: LoyaltyScore, at: float) -> Floats:
    """(n,) a lower bound of the instant at which time alone takes the loyalty across `at`.

    Between the instants at which a ground ends only the stay adds to it, evenly, and only habits
    take from it: what is used no more falls behind what was, by half in 1 / (1/short - 1/long). It
    is looked at once a second at most.
    """
    lives, up = view.program.half_lives_us, np.zeros(len(loyalty_score.loyalty))
    for part in rules.parts:
        if part.kind == "tenure":
            staying = view.now_us - view.fact("first_seen") < part.span_us
            up = up + staying * (part.weight / part.span_us)
    down = loyalty_score.fading * (_LN2 * (1.0 / lives[0] - 1.0 / lives[-1]))
    known = ~np.isnan(loyalty_score.loyalty) & (loyalty_score.whole > 0)
    pace = (
        np.where(loyalty_score.loyalty >= at, down, up)
        * 100.0
        / np.where(known, loyalty_score.whole, 1.0)
    )
    moves = known & (pace > 0)
    gap = np.where(moves, np.abs(loyalty_score.loyalty - at), 0.0) / np.where(moves, pace, 1.0)
    ahead = np.where(moves & (gap < _NEVER_US), np.maximum(np.floor(gap), SECOND_US), np.inf)
    first: Floats = np.minimum(view.now_us + ahead, loyalty_score.change_us)
    return first


def _tenure(view: View, part: LoyaltyRule) -> _Ground:
    known = view.fact("events") > 0
    first = np.where(known, view.fact("first_seen"), 0.0)
    stayed = np.maximum(view.now_us - first, 0.0)
    return _Ground(
        known, np.minimum(1.0, stayed / part.span_us), np.where(known, stayed / DAY_US, 0.0), first
    )


def _count(view: View, part: LoyaltyRule) -> _Ground:
    measure = view.program.measures.index(part.measure)
    count = view.count(measure)
    return _Ground(count > 0, 1.0 - np.exp2(-(count / part.at)), count, view.newest(measure))


def _answer(view: View, part: LoyaltyRule) -> _Ground:
    survey = next((survey for survey in SURVEYS if survey == part.fact), None)
    score = view.fact(part.fact) if survey is None else mean_answer(view, survey)
    at = view.fact(f"{part.fact}_at")
    ends = at + part.span_us
    known = ~np.isnan(score) & (view.now_us < ends)
    marks = np.clip(
        (np.where(known, score, part.worst) - part.worst) / (part.best - part.worst), 0.0, 1.0
    )
    return _Ground(known, marks, np.nan_to_num(score), at, ends)


def _since(view: View, part: LoyaltyRule) -> _Ground:
    at = view.fact(part.fact)
    ends = at + part.span_us
    return _Ground((at > 0) & (view.now_us < ends), np.ones(len(at)), np.ones(len(at)), at, ends)


def _habit(view: View, part: LoyaltyRule) -> _Ground:
    measure, lives = view.program.measures.index(part.measure), view.program.half_lives_us
    short, long = view.rate(measure, 0), view.rate(measure, len(lives) - 1)
    known = (view.count(measure) >= part.min_events) & (long > 0)
    ratio = short / np.where(long > 0, long, 1.0)
    return _Ground(known, np.minimum(1.0, ratio / part.at), ratio, view.newest(measure))


_GROUNDS: Final[dict[str, Callable[[View, LoyaltyRule], _Ground]]] = {
    "tenure": _tenure,
    "count": _count,
    "answer": _answer,
    "since": _since,
    "habit": _habit,
}
