"""Decisions about customers: bands, flags raised and released, alerts, history, the customer
summary, the next timer.

Pure: (evaluation, decision states) to the next decision states and the decisions as data. The same
evaluations, decided at the same instants, give the same decisions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s, Mask
from healthsvc.core.decisions.alert_groups import alert_groups, one_alert
from healthsvc.core.decisions.bands import BandLimits, band_changes, move_bands
from healthsvc.core.decisions.changes import BandChange, FlagChange
from healthsvc.core.decisions.cool_down import CoolDown, cool_bands
from healthsvc.core.decisions.due import due_us
from healthsvc.core.decisions.flag_changes import as_bits, flag_changes, standing_flags
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.decision_state import UNLISTED, DecisionStates
from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation

LISTED_STEP: Final = 5.0
"""The customer summary is written anew when the score has moved by so many points, or band or flags
changed."""
RISK_STEP: Final = 0.05
"""Customer summary and history are written anew when the risk has moved by so much, too."""
EXACT_WITHIN_US: Final = DAY_US
"""A timer is set no farther ahead than this, and up to a day more, by which customers of one import
are spread: an event then seldom makes it earlier, so seldom writes it, and idle customers are
evaluated every other day."""
SCORE_STEP: Final = 5.0
"""A change of the score is announced when it has moved by so many points since the last time."""
BAND_ALERT: Final = "band_drop"
PLACES: Final = 16
"""More than there are stages: a place is the stage, and so many times the variant."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided for n rows; row numbers are indices into the evaluation."""

    after: DecisionStates
    score: Floats
    """(n,) the score that stands: frozen at churn."""
    flags: list[FlagChange]
    bands: list[BandChange]
    history: Int64s
    """Rows of which a history row is written."""
    standings: Mask
    """(n,) the customer summary is written."""
    due_us: Floats
    """(n,) the timer to be written, inf: delete it; only where `timers`."""
    timers: Mask
    risk: Floats
    """(n,) the risk that stands; NaN without evidence, and of those who have left."""
    anew: Mask
    """(n,) judged by another variant than at the last decision."""
    scores: Int64s
    """Rows whose score has moved by a step since it was announced."""


def decide(
    compiled: CompiledScorecard, evaluation: Evaluation, before: DecisionStates
) -> Decisions:
    """Decide every row as of its `now_us`; `before` is not changed."""
    card, now, after = compiled.scorecard, evaluation.now_us, before.copy()
    score = _freeze(evaluation, after)
    risk = np.where(evaluation.churned, np.nan, evaluation.risk)
    anew = _judged_anew(card, evaluation, before)
    limits = BandLimits.of(card, evaluation)
    after.place = evaluation.stages.stage + 1 + PLACES * evaluation.variant

    cool_down = CoolDown(_card_of(card, evaluation), alert_groups(card), evaluation, after)
    flags, cooled = _decide_flags(card, evaluation, before, anew, cool_down)
    move_bands(limits, score, evaluation, anew, after)
    quiet = {c.row for c in flags if c.alert} | cooled
    quiet |= set(np.flatnonzero(evaluation.overridden | anew).tolist())
    bands = band_changes(card, before, after, quiet, anew)
    bands = cool_bands(cool_down.card_of, evaluation, bands, after)

    is_changed = (after.flags != before.flags) | (after.band != before.band) | anew
    is_changed |= np.abs(risk - before.risk) >= RISK_STEP
    standings = _list(is_changed, score, before, after)
    history = _record(is_changed, score, risk, now, before, after)
    scores = _announce(score, before, after)
    due = np.minimum(due_us(limits, evaluation, score, after), cool_down.due_us())
    due, timers = _set_timers(due, evaluation, before, after)
    after.decided_us = now
    return Decisions(
        after, score, flags, bands, history, standings, due, timers, risk, anew, scores
    )


def alert_id(customer_id: str, kind: str, onset_us: int) -> str:
    """Id of an alert: the same cause of the same customer is the same alert, however often it is
    decided."""
    return (
        "al_" + blake2b(f"{customer_id}\0{kind}\0{onset_us}".encode(), digest_size=12).hexdigest()
    )


@lru_cache(maxsize=4096)
def flag_names(names: tuple[str, ...], mask: float) -> tuple[str, ...]:
    """Those of a scorecard's flag `names` whose bits are set, in declared order."""
    bits = int(mask)
    return tuple([name for f, name in enumerate(names) if bits >> f & 1])


def _freeze(evaluation: Evaluation, after: DecisionStates) -> Floats:
    """(n,) the score that stands; of whoever has left it is the one of that moment, kept in
    `after`."""
    leaving = np.isnan(after.score_at_churn) & evaluation.churned
    score_then = np.where(leaving, evaluation.score, after.score_at_churn)
    after.score_at_churn = np.where(evaluation.churned, score_then, np.nan)
    return np.where(evaluation.churned, after.score_at_churn, evaluation.score)


def _judged_anew(card: Scorecard, evaluation: Evaluation, before: DecisionStates) -> Mask:
    """Whose stage or profile has changed so that another variant judges them; leaving isn't such a
    change."""
    if not card.variants:
        return np.zeros(len(evaluation.now_us), bool)
    is_other: Mask = np.floor_divide(before.place, PLACES) != evaluation.variant
    return is_other & (before.place >= 0) & ~evaluation.churned


def _decide_flags(
    card: Scorecard,
    evaluation: Evaluation,
    before: DecisionStates,
    anew: Mask,
    cool_down: CoolDown,
) -> tuple[list[FlagChange], set[int]]:
    """Changes of flags, one alert for each group, and the rows of which one came too soon; writes
    the flags and alerts of the state after."""
    after = cool_down.after
    standing = standing_flags(card, evaluation, before, anew)
    bits = as_bits(standing)
    after.flags = bits.astype(np.float64)
    changes = flag_changes(card, evaluation, before, anew, standing, bits)
    cooled: set[int] = set()
    if changes:
        changes = one_alert(
            cool_down.card_of, cool_down.groups, changes, evaluation.flags.onset_us, after.flags
        )
        changes, cooled = cool_down.cool(changes)
    return [*changes, *cool_down.postponed(standing)], cooled


def _card_of(card: Scorecard, evaluation: Evaluation) -> Callable[[int], Scorecard]:
    """What judges each row."""
    return lambda row: card.judging(evaluation.variant_of(row))


def _list(is_changed: Mask, score: Floats, before: DecisionStates, after: DecisionStates) -> Mask:
    """(n,) whose customer summary is written; writes the listed score of `after`."""
    is_moved = ~np.isnan(score) & ~(np.abs(score - before.listed_score) < LISTED_STEP)
    is_unlisted = (before.decided_us == 0) | (before.listed_score == UNLISTED)
    standings: Mask = is_changed | is_moved | (after.place != before.place) | is_unlisted
    after.listed_score = np.where(standings, score, before.listed_score)
    return standings


def _record(
    is_changed: Mask,
    score: Floats,
    risk: Floats,
    now: Instants,
    before: DecisionStates,
    after: DecisionStates,
) -> Int64s:
    """Rows for the history: on a change, a move of a point, or the first of a day; writes what
    `after` says of it."""
    known = ~np.isnan(score)
    day = np.floor_divide(now, DAY_US).astype(np.float64)
    is_moved = known & ~(np.abs(score - before.score) < 1.0)
    is_recorded = is_changed | is_moved | (known & (day != before.day))
    after.score = np.where(is_recorded, score, before.score)
    after.day = np.where(is_recorded, day, before.day)
    after.risk = np.where(is_recorded, risk, before.risk)
    return np.flatnonzero(is_recorded)


def _announce(score: Floats, before: DecisionStates, after: DecisionStates) -> Int64s:
    """Rows whose score has moved by a step since it was announced; writes the announced score of
    `after`. The first score that is known is no change."""
    has_moved = np.abs(score - before.announced_score) >= SCORE_STEP
    is_first = np.isnan(before.announced_score) & ~np.isnan(score)
    after.announced_score = np.where(has_moved | is_first, score, before.announced_score)
    return np.flatnonzero(has_moved)


def _set_timers(
    due: Floats, evaluation: Evaluation, before: DecisionStates, after: DecisionStates
) -> tuple[Floats, Mask]:
    """The timers' instants, and (n,) which are written: earlier ones than before, and in place of
    those that fired."""
    now = evaluation.now_us
    timers: Mask = (due < before.due) | (before.due <= now)
    latest = now + EXACT_WITHIN_US + evaluation.first_seen_us % DAY_US
    due = np.where(timers & np.isfinite(due), np.minimum(due, latest), due)
    after.due = np.where(timers, due, before.due)
    return due, timers
