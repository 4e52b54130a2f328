"""Flags: what holds of a customer now, since when, and the next instant at which time alone changes that.

Every rule has a closed form, so the instant at which silence crosses its line is known long before. A flag of
absence (`absence`, `drop`,
`ahead`) is only as good as the log has been read: callers evaluate as of an instant up to which everything logged
has been read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.levels import Floats
from healthsvc.core.scorecard.model import FlagRule, Scorecard
from healthsvc.core.scoring import baseline, loyalty
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True)
class Standing:
    """n customers, f flags, as arrays (n, f)."""

    holds: NDArray[np.bool_]
    onset_us: Floats
    """When its cause happened; meaningful where it holds."""
    change_us: Floats
    """The next instant at which time alone makes it hold or end; inf where only an event can."""


@dataclass(frozen=True, slots=True)
class Held:
    holds: NDArray[np.bool_]
    onset_us: Floats
    change_us: Floats


def flag_states(view: View, card: Scorecard) -> Standing:
    """All flags of each row as of its `now_us`, in declared order, by one scorecard or variant."""
    rules, names = card.flags, card.flag_names
    shape = (len(view.now_us), len(rules))
    standing = Standing(np.zeros(shape, bool), np.zeros(shape), np.full(shape, np.inf))
    for f, rule in enumerate(rules):
        if not rule.enabled:
            continue
        if rule.kind in ("both", "either"):
            together = _both if rule.kind == "both" else _either
            held = together(standing, [names.index(name) for name in rule.of])
        else:
            held = _KINDS[rule.kind](view, rule)
        standing.holds[:, f], standing.onset_us[:, f], standing.change_us[:, f] = (
            held.holds,
            held.onset_us,
            held.change_us,
        )
    return standing


def _column(view: View, name: str) -> int:
    return view.program.measures.index(name)


def _intent(view: View, rule: FlagRule) -> Held:
    """Holds from the event on until someone has spoken with the customer since, and it has been quiet for the span."""
    said, spoken = view.newest(_column(view, rule.measure)), view.newest(_column(view, rule.release))
    ends = np.where(spoken >= said, said + rule.span_us, np.inf)
    holds = (said > 0) & (view.now_us < ends)
    return Held(holds, said, np.where(holds, ends, np.inf))


def _level(view: View, rule: FlagRule) -> Held:
    """Holds while the level is at least `at`."""
    measure = _column(view, rule.measure)
    level = view.level(measure, view.program.half_lives_us.index(rule.half_life_us))
    holds = level >= rule.at
    ahead = np.log2(np.where(holds, level, 1.0) / rule.at) * rule.half_life_us
    return Held(holds, view.newest(measure), np.where(holds, view.now_us + np.floor(ahead), np.inf))


def _absence(view: View, rule: FlagRule) -> Held:
    """Holds once nothing has come for the span, of a customer that had been there: never-used isn't went-silent."""
    measure = _column(view, rule.measure)
    begins = view.newest(measure) + rule.span_us
    there = view.count(measure) >= rule.min_events
    holds = there & (view.now_us >= begins)
    return Held(holds, begins, np.where(there & ~holds, begins, np.inf))


def _drop(view: View, rule: FlagRule) -> Held:
    """Holds while today's rate is below `at` times the habit; silence brings it nearer. Of a customer seen for less
    than the shortest half-life no habit is known."""
    measure = _column(view, rule.measure)
    ratio, since = baseline.ratio(view, measure), view.fact("first_seen") + view.program.half_lives_us[0]
    there = (view.count(measure) >= rule.min_events) & (ratio > 0)
    rows = np.flatnonzero(there)
    begins = np.array(since)
    if len(rows):
        begins[rows] = np.maximum(baseline.falls_to_us(view, rows, ratio[rows], rule.at), since[rows])
    holds = there & (ratio < rule.at) & (view.now_us >= since)
    return Held(holds, begins, np.where(there & ~holds, np.floor(begins), np.inf))


def _answer(view: View, rule: FlagRule) -> Held:
    """Holds while the last answer is at most `at` and younger than the span; with `unless`, only where that fact wasn't
    told within the span, since it says more."""
    answer, at = view.fact(rule.fact), view.fact(f"{rule.fact}_at")
    ends = at + rule.span_us
    holds = (np.nan_to_num(answer, nan=np.inf) <= rule.at) & (view.now_us < ends)
    if not rule.unless:
        return Held(holds, at, np.where(holds, ends, np.inf))
    outweighed_until = view.fact(f"{rule.unless}_at") + rule.span_us
    speaks = holds & (view.now_us >= outweighed_until)
    change = np.where(speaks, ends, np.where(holds, outweighed_until, np.inf))
    return Held(speaks, np.maximum(at, np.where(view.fact(f"{rule.unless}_at") > 0, outweighed_until, 0.0)), change)


def _answer_from(view: View, rule: FlagRule) -> Held:
    """Holds while the last answer is at least `at` and younger than the span."""
    answer, at = view.fact(rule.fact), view.fact(f"{rule.fact}_at")
    ends = at + rule.span_us
    holds = (np.nan_to_num(answer, nan=-np.inf) >= rule.at) & (view.now_us < ends)
    return Held(holds, at, np.where(holds, ends, np.inf))


def _loyal(view: View, rule: FlagRule) -> Held:
    """Holds while the loyalty is at least `at`; its onset is when it was last shown."""
    n, rules = len(view.now_us), view.program.relationship
    if rules.loyalty is None:
        return Held(np.zeros(n, bool), np.zeros(n), np.full(n, np.inf))
    found = loyalty.standing(view, rules.loyalty, rules.heavy_use)
    holds = np.nan_to_num(found.loyalty, nan=-1.0) >= rule.at
    return Held(holds, found.since_us, loyalty.turns_us(view, rules.loyalty, found, rule.at))


def _open(view: View, rule: FlagRule) -> Held:
    """Holds while items are open."""
    return Held(view.fact(rule.fact) > 0, view.fact(f"{rule.fact}_since"), np.full(len(view.now_us), np.inf))


def _ahead(view: View, rule: FlagRule) -> Held:
    """Holds during the span before an instant that is known."""
    due = np.nan_to_num(view.fact(rule.fact), nan=0.0)
    begins = due - rule.span_us
    holds = (due > 0) & (view.now_us >= begins) & (view.now_us < due)
    change = np.where(view.now_us < begins, begins, np.where(holds, due, np.inf))
    return Held(holds, begins, np.where(due > 0, change, np.inf))


def _both(standing: Standing, places: list[int]) -> Held:
    """Holds while flags declared before hold together, since the last of them began."""
    first, *others = places
    holds, onset, change = standing.holds[:, first], standing.onset_us[:, first], standing.change_us[:, first]
    for other in others:
        holds = holds & standing.holds[:, other]
        onset = np.maximum(onset, standing.onset_us[:, other])
        change = np.minimum(change, standing.change_us[:, other])
    return Held(holds, onset, change)


def _either(standing: Standing, places: list[int]) -> Held:
    """Holds while one of the flags declared before holds, since the first of those that do began."""
    holds, begun = standing.holds[:, places], standing.onset_us[:, places]
    onset = np.where(holds, begun, np.inf).min(axis=1)
    holding: NDArray[np.bool_] = np.any(holds, axis=1)
    return Held(holding, np.where(holding, onset, 0.0), standing.change_us[:, places].min(axis=1))


def _churned(view: View, rule: FlagRule) -> Held:
    cancelled = view.fact("cancelled_at")
    effective = np.nan_to_num(view.fact("cancel_effective"), nan=0.0)
    going = (cancelled > 0) & (cancelled >= view.fact("renewed_at"))
    holds = going & (effective <= view.now_us)
    return Held(holds, np.maximum(cancelled, effective), np.where(going & ~holds, effective, np.inf))


_KINDS: Final[dict[str, Callable[[View, FlagRule], Held]]] = {
    "intent": _intent,
    "level": _level,
    "absence": _absence,
    "drop": _drop,
    "answer": _answer,
    "answer_from": _answer_from,
    "loyal": _loyal,
    "open": _open,
    "ahead": _ahead,
    "churned": _churned,
}
