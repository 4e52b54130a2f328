"""Loyalty: the second axis beside risk. Long stay, repeat purchase, recommends; not the same as a large account.

100 times the weighted mean of the grounds that are known: acts (recommending, renewing, asking for more) that didn't
happen earn nothing, while an answer that nobody gave, and use that nobody saw, are left out. Points add up to it.
Pure functions of (state, rules, now), elementwise in declared order: one row gives the same bits as among many.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.instants import DAY_US, SECOND_US
from healthsvc.core.levels import Floats
from healthsvc.core.relationship import ACTS, HeavyUse, Loyalty, Part
from healthsvc.core.view import View

Mask = NDArray[np.bool_]
LISTED_STEP: Final = 10.0
"""Lists are written anew when the loyalty has moved by so many points since."""
_LN2: Final = float(np.log(2.0))


@dataclass(frozen=True, slots=True)
class Found:
    """n customers, p parts."""

    loyalty: Floats
    """(n,) 0-100; NaN with too little evidence."""
    points: Floats
    """(n, p) what each part gives; they add up to the loyalty."""
    best: Floats
    """(n, p) what it would give at best; 0 where it is left out."""
    value: Floats
    """(n, p) marks, 0 to 1."""
    known: Mask
    """(n, p) there is something to go by."""
    said: Floats
    """(n, p) what there is: days stayed, events, the answer, the share of the habit, 1 for what happened."""
    since_us: Floats
    """(n, p) when that was said or happened last; 0 where nothing was."""
    change_us: Floats
    """(n, p) when time alone ends that; inf where it doesn't."""


@dataclass(frozen=True, slots=True)
class _Ground:
    known: Mask
    value: Floats
    said: Floats
    since_us: Floats
    change_us: Floats | None = None


def loyalty(view: View, rules: Loyalty, heavy_use: HeavyUse | None) -> Found:
    """Loyalty of each row as of its `now_us`."""
    n, shape = len(view.now_us), (len(view.now_us), len(rules.parts))
    value, weight, known = np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
    said, since, change = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
    good, total, grounds = np.zeros(n), np.zeros(n), np.zeros(n)
    uses_much, heavy_until = _heavy(view, heavy_use)
    for p, part in enumerate(rules.parts):
        ground = _GROUNDS[part.kind](view, part)
        holds = ground.known & uses_much if part.heavy else ground.known
        known[:, p], value[:, p] = holds, np.where(holds, ground.value, 0.0)
        weight[:, p] = part.weight if part.kind in ACTS else np.where(holds, part.weight, 0.0)
        said[:, p], since[:, p] = np.where(holds, ground.said, 0.0), np.where(holds, ground.since_us, 0.0)
        if ground.change_us is not None:
            change[:, p] = np.where(holds, ground.change_us, np.inf)
        if part.heavy:
            change[:, p] = np.where(holds, np.minimum(change[:, p], heavy_until), change[:, p])
        good, total, grounds = good + weight[:, p] * value[:, p], total + weight[:, p], grounds + holds
    enough = (grounds >= rules.evidence) & (total > 0)
    whole = np.where(total > 0, total, 1.0)
    return Found(
        loyalty=np.where(enough, 100.0 * good / whole, np.nan),
        points=100.0 * weight * value / whole[:, None],
        best=100.0 * weight / whole[:, None],
        value=value,
        known=known,
        said=said,
        since_us=since,
        change_us=change,
    )


def use_a_day(view: View, rule: HeavyUse) -> Floats:
    """(n,) events of the measure a day, over the long-standing half-life."""
    rate: Floats = view.rate(view.program.measures.index(rule.measure), len(view.program.half_lives_us) - 1)
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


def to_list(view: View, looked_at: Mask, listed: Floats) -> tuple[Floats, Mask]:
    """The loyalty that lists should tell, (n,), and of whom they should tell it anew: where it became known or unknown,
    or moved by `LISTED_STEP` since. Only the rows of `looked_at` are looked at; the others keep what is listed."""
    found, rules, at = listed.copy(), view.program.relationship, np.flatnonzero(looked_at)
    if rules.loyalty is None or not len(at):
        return found, np.zeros(len(found), bool)
    found[at] = loyalty(view.rows(at), rules.loyalty, rules.heavy_use).loyalty
    unlike = np.isnan(found) != np.isnan(listed)
    return found, unlike | (np.abs(np.nan_to_num(found) - np.nan_to_num(listed)) >= LISTED_STEP)


def turns_us(view: View, rules: Loyalty, found: Floats, change_us: Floats, at: float) -> Floats:
    """(n,) a lower bound of the instant at which time alone takes the loyalty across `at`.

    Between the instants at which an answer becomes too old only the stay adds to it, evenly, and only habits take from
    it: what is used no more falls behind what was, at most by half in 1 / (1/short - 1/long).
    """
    lives = view.program.half_lives_us
    total = np.zeros(len(found))
    up, down, age = np.zeros(len(found)), np.zeros(len(found)), view.now_us - view.fact("first_seen")
    for part in rules.parts:
        total = total + part.weight if part.kind in ACTS else total
        if part.kind == "tenure":
            up = up + np.where(age < part.span_us, part.weight / part.span_us, 0.0)
        elif part.kind == "habit":
            down = down + part.weight * _LN2 * (1.0 / lives[0] - 1.0 / lives[-1])
    least = np.where(total > 0, total, min(part.weight for part in rules.parts))
    gap, pace = np.abs(found - at), np.where(found >= at, down, up) * 100.0 / least
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = np.where((pace > 0) & ~np.isnan(found), np.maximum(np.floor(gap / pace), SECOND_US), np.inf)
    first: Floats = np.minimum(view.now_us + ahead, change_us.min(axis=1, initial=np.inf))
    return first


def _tenure(view: View, part: Part) -> _Ground:
    known = view.fact("events") > 0
    first = np.where(known, view.fact("first_seen"), 0.0)
    stayed = np.maximum(view.now_us - first, 0.0)
    return _Ground(known, np.minimum(1.0, stayed / part.span_us), np.where(known, stayed / DAY_US, 0.0), first)


def _count(view: View, part: Part) -> _Ground:
    measure = view.program.measures.index(part.measure)
    count = view.count(measure)
    return _Ground(count > 0, 1.0 - np.exp2(-(count / part.at)), count, view.newest(measure))


def _answer(view: View, part: Part) -> _Ground:
    said, at = view.fact(part.fact), view.fact(f"{part.fact}_at")
    ends = at + part.span_us
    known = ~np.isnan(said) & (view.now_us < ends)
    marks = np.clip((np.where(known, said, part.worst) - part.worst) / (part.best - part.worst), 0.0, 1.0)
    return _Ground(known, marks, np.nan_to_num(said), at, ends)


def _since(view: View, part: Part) -> _Ground:
    at = view.fact(part.fact)
    ends = at + part.span_us
    return _Ground((at > 0) & (view.now_us < ends), np.ones(len(at)), np.ones(len(at)), at, ends)


def _habit(view: View, part: Part) -> _Ground:
    measure, lives = view.program.measures.index(part.measure), view.program.half_lives_us
    short, long = view.rate(measure, 0), view.rate(measure, len(lives) - 1)
    known = (view.count(measure) >= part.min_events) & (long > 0)
    ratio = short / np.where(long > 0, long, 1.0)
    return _Ground(known, np.minimum(1.0, ratio / part.at), ratio, view.newest(measure))


_GROUNDS: Final[dict[str, Callable[[View, Part], _Ground]]] = {
    "tenure": _tenure,
    "count": _count,
    "answer": _answer,
    "since": _since,
    "habit": _habit,
}
