"""Decisions with memory: bands after hysteresis and dwell, flags raised and released, alerts, what goes into
history, and the next timer.

Pure: (evaluation, memory, as-of instant) to the new memory and the decisions as data. The same inputs decided at the
same instants give the
same decisions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s, Mask
from healthsvc.core.decisions.alert_groups import families, one_alert
from healthsvc.core.decisions.changes import BandChange, FlagChange
from healthsvc.core.folding import decision_state
from healthsvc.core.folding.compiled_scorecard import Program
from healthsvc.core.instants import DAY_US, SECOND_US
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation, fastest_half_life_us
from healthsvc.core.scoring.flags.churned import ChurnedFlag
from healthsvc.core.scoring.flags.intent import IntentFlag

ALERT_MAX_AGE_US: Final = 3 * DAY_US
"""A cause older than this when it is decided makes history, not an alert: so importing old history raises no storm."""
LISTED_STEP: Final = 5.0
"""Lists are written anew when the score has moved by so many points since, or band or flags changed."""
RISK_STEP: Final = 0.05
"""Lists and history are written anew when the risk has moved by so much since, too."""
EXACT_WITHIN_US: Final = DAY_US
"""A timer is set no farther ahead than this, and up to a day more, by which customers of one import are spread: an
event then seldom makes it earlier, so seldom writes it, and who is idle is looked at every other day."""
BAND_ALERT: Final = "band_drop"
PLACES: Final = 16
"""More than there are stages: the place remembered is the stage, and so many times the variant."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided for n rows; row numbers are indices into the evaluation."""

    memory: Floats
    score: Floats
    """(n,) the score that stands: frozen at churn."""
    flags: list[FlagChange]
    bands: list[BandChange]
    history: Int64s
    standings: Mask
    due_us: Floats
    """(n,) the timer to be written, inf: delete it; only where `timers`."""
    timers: Mask
    risk: Floats
    """(n,) the risk that stands; NaN without evidence, and of those who have left."""
    anew: Mask
    """(n,) judged by another variant than at the last decision."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """What bands hang on, by variant: v variants (the scorecard itself is 0), b bands; `of` as in the evaluation."""

    of: Int64s
    floors: Floats
    """(v, b)"""
    hysteresis: Floats
    dwell_us: Floats
    span_us: Floats
    """(v,) the fastest half-life of any part of the score."""


def _lines(card: Scorecard, found: Evaluation) -> _Lines:
    cards = [card.judging(v) for v in range(len(card.variants) + 1)]
    return _Lines(
        of=found.variant,
        floors=np.array([[band.floor for band in c.bands] for c in cards]),
        hysteresis=np.array([c.hysteresis for c in cards]),
        dwell_us=np.array([float(c.dwell_us) for c in cards]),
        span_us=np.array([float(fastest_half_life_us(c)) for c in cards]),
    )


def decide(program: Program, found: Evaluation, remembered: Floats) -> Decisions:
    """Decide every row as of its `now_us`; `remembered` (n, memory.WIDTH) is not changed."""
    card, now = program.scorecard, found.now_us
    after = remembered.copy()
    frozen = np.isnan(remembered[:, decision_state.FROZEN]) & found.churned
    after[:, decision_state.FROZEN] = np.where(
        found.churned, np.where(frozen, found.score, remembered[:, decision_state.FROZEN]), np.nan
    )
    score = np.where(found.churned, after[:, decision_state.FROZEN], found.score)
    lines, anew = _lines(card, found), _judged_anew(card, found, remembered)
    after[:, decision_state.PLACE] = found.stages.stage + 1 + PLACES * found.variant
    flag_changes, mask = _flags(card, found, remembered, anew)
    if flag_changes:
        judging = [card.judging(v) for v in range(len(card.variants) + 1)]
        flag_changes = one_alert(
            lambda row: judging[found.variant_of(row)], families(card), flag_changes, found.standing.onset_us, mask
        )
    after[:, decision_state.FLAGS] = mask
    _move_bands(lines, score, now, found, anew, after)
    quiet = {c.row for c in flag_changes if c.alert} | set(np.flatnonzero(found.overridden | anew).tolist())
    bands = _band_changes(card, remembered, after, quiet, anew)
    changed = (
        (mask != remembered[:, decision_state.FLAGS])
        | (after[:, decision_state.BAND] != remembered[:, decision_state.BAND])
        | anew
    )
    risk = np.where(found.churned, np.nan, found.risk)
    risen = np.abs(risk - remembered[:, decision_state.RISK]) >= RISK_STEP
    moved = risen | (~np.isnan(score) & ~(np.abs(score - remembered[:, decision_state.LISTED]) < LISTED_STEP))
    elsewhere = after[:, decision_state.PLACE] != remembered[:, decision_state.PLACE]
    unlisted = (remembered[:, decision_state.DECIDED] == 0) | (
        remembered[:, decision_state.LISTED] == decision_state.UNLISTED
    )
    standings = changed | moved | elsewhere | unlisted
    after[:, decision_state.LISTED] = np.where(standings, score, remembered[:, decision_state.LISTED])
    history = _history(score, now, changed | risen, remembered, after)
    after[history, decision_state.RISK] = risk[history]
    due = _due(lines, found, score, after)
    fired = remembered[:, decision_state.DUE] <= now
    timers = (due < remembered[:, decision_state.DUE]) | fired
    due = np.where(
        timers & np.isfinite(due), np.minimum(due, now + EXACT_WITHIN_US + found.first_seen_us % DAY_US), due
    )
    after[:, decision_state.DUE] = np.where(timers, due, remembered[:, decision_state.DUE])
    after[:, decision_state.DECIDED] = now
    return Decisions(after, score, flag_changes, bands, history, standings, due, timers, risk, anew)


def alert_id(customer_id: str, kind: str, onset_us: int) -> str:
    """The same cause of the same customer is the same alert, whoever decides it and however often."""
    return "al_" + blake2b(f"{customer_id}\0{kind}\0{onset_us}".encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=4096)
def flag_names(names: tuple[str, ...], mask: float) -> tuple[str, ...]:
    """Those of a scorecard's flag `names` whose bits are set, in declared order."""
    bits = int(mask)
    return tuple([name for f, name in enumerate(names) if bits >> f & 1])


def _judged_anew(card: Scorecard, found: Evaluation, remembered: Floats) -> Mask:
    """Whose place has changed so that another variant judges them; leaving isn't such a change."""
    if not card.variants:
        return np.zeros(len(found.now_us), bool)
    before = remembered[:, decision_state.PLACE]
    other: Mask = np.floor_divide(before, PLACES) != found.variant
    return other & (before >= 0) & ~found.churned


def _flags(card: Scorecard, found: Evaluation, remembered: Floats, anew: Mask) -> tuple[list[FlagChange], Floats]:
    """Changes, and the flags that hold now. Of a customer judged anew only what has begun since the last decision
    raises alerts: the rest is another judgement of the same behaviour."""
    holds = found.standing.holds.copy()
    if found.churned.any():
        stays = np.array([isinstance(rule, ChurnedFlag) for rule in card.flags], bool)
        holds[found.churned] &= stays
    mask = (holds * (1 << np.arange(len(card.flags), dtype=np.int64))).sum(axis=1)
    before = remembered[:, decision_state.FLAGS].astype(np.int64)
    changes: list[FlagChange] = []
    for row in np.flatnonzero(mask != before).tolist():
        turned = int(mask[row] ^ before[row])
        since = max(
            int(found.now_us[row]) - ALERT_MAX_AGE_US,
            int(remembered[row, decision_state.DECIDED]) + 1 if anew[row] else 0,
        )
        for f, rule in enumerate(card.judging(found.variant_of(row)).flags):
            if turned >> f & 1:
                onset = int(found.standing.onset_us[row, f])
                raised = bool(holds[row, f])
                fresh = onset >= since
                kind: Literal["raised", "released"] = "raised" if raised else "released"
                changes.append(
                    FlagChange(
                        row=row, flag=f, kind=kind, onset_us=onset, alert=raised and fresh and rule.severity is not None
                    )
                )
    return [*changes, *_renewed(card, found, remembered, holds)], mask.astype(np.float64)


def _renewed(card: Scorecard, found: Evaluation, remembered: Floats, holds: Mask) -> Iterator[FlagChange]:
    """Intent that was shown again: closing an alert doesn't make the customer stay."""
    before = remembered[:, decision_state.FLAGS].astype(np.int64)
    for f, rule in enumerate(card.flags):
        if isinstance(rule, IntentFlag):
            onset = found.standing.onset_us[:, f]
            fresh = onset >= found.now_us - ALERT_MAX_AGE_US
            again = holds[:, f] & (before >> f & 1 == 1) & (onset > remembered[:, decision_state.DECIDED]) & fresh
            for row in np.flatnonzero(again).tolist():
                if card.judging(found.variant_of(row)).flags[f].severity is not None:
                    yield FlagChange(row=row, flag=f, kind="renewed", onset_us=int(onset[row]), alert=True)


def _band_of(floors: Floats, score: Floats) -> Int64s:
    """Index of the best band whose floor the score reaches (0 is the best band); floors (1 or n, b)."""
    place: Int64s = (score[:, None] < floors).sum(axis=1)
    last: Int64s = np.minimum(place, floors.shape[1] - 1)
    return last


def _move_bands(lines: _Lines, score: Floats, now: Instants, found: Evaluation, anew: Mask, after: Floats) -> None:
    """A worse band is believed at once, a better one when it has held for the dwell; both only beyond the
    hysteresis. What somebody says is believed as it is said, and another variant's judgement as it is made: its floors
    are others, so there is nothing to hold on to."""
    floors, hysteresis, dwell = lines.floors[lines.of], lines.hysteresis[lines.of], lines.dwell_us[lines.of]
    known = ~np.isnan(score) & ~found.churned
    marks = np.where(known, score, 0.0)
    current = after[:, decision_state.BAND]
    natural = _band_of(floors, marks)
    place = current.astype(np.int64)
    first = known & (place < 0)
    floor_now = lines.floors[lines.of, np.maximum(place, 0)]
    worse = known & ~first & (natural > place) & (marks < floor_now - hysteresis)
    believed = _band_of(floors + hysteresis[:, None], marks)
    better = known & ~first & ~found.overridden & ~anew & (believed < place)
    since = np.where(
        better, np.where(after[:, decision_state.PENDING_SINCE] > 0, after[:, decision_state.PENDING_SINCE], now), 0.0
    )
    risen = better & (now - since >= dwell)
    worse |= known & (found.overridden | anew) & (natural != place)
    moved = first | worse | risen
    after[:, decision_state.BAND] = np.where(risen, believed, np.where(first | worse, natural, current))
    after[:, decision_state.BAND_SINCE] = np.where(moved, now, after[:, decision_state.BAND_SINCE])
    after[:, decision_state.PENDING_SINCE] = np.where(moved, 0.0, since)


def _band_changes(
    card: Scorecard, remembered: Floats, after: Floats, alerted: set[int], anew: Mask
) -> list[BandChange]:
    risky = len(card.bands) // 2
    changes: list[BandChange] = []
    for row in np.flatnonzero(after[:, decision_state.BAND] != remembered[:, decision_state.BAND]).tolist():
        old, new = int(remembered[row, decision_state.BAND]), int(after[row, decision_state.BAND])
        alert = 0 <= old < new and new >= risky and row not in alerted
        changes.append(BandChange(row=row, before=old, after=new, alert=alert, anew=bool(anew[row])))
    return changes


def _history(score: Floats, now: Instants, changed: Mask, remembered: Floats, after: Floats) -> Int64s:
    """A row on a change of band or flag, a move of a point, or the first of a day."""
    known = ~np.isnan(score)
    day = np.floor_divide(now, DAY_US).astype(np.float64)
    moved = known & ~(np.abs(score - remembered[:, decision_state.SCORE]) < 1.0)
    rows = changed | moved | (known & (day != remembered[:, decision_state.DAY]))
    after[:, decision_state.SCORE] = np.where(rows, score, remembered[:, decision_state.SCORE])
    after[:, decision_state.DAY] = np.where(rows, day, remembered[:, decision_state.DAY])
    return np.flatnonzero(rows)


def _due(lines: _Lines, found: Evaluation, score: Floats, after: Floats) -> Floats:
    """A lower bound of the next instant at which ageing alone changes a band, a flag or the place: early is harmless,
    late isn't.

    Flags, dwell and slots have exact instants; the score is looked at once a second at most. Of it only this is used:
    no part fades faster than by half in the fastest half-life h, nothing grows with age, and marks are concave in their
    levels and 0 at 0. Then after s the score is at least 2^(-s/h) of itself, and at most
    good / (total - (1 - 2^(-s/h)) * bad), where bad is what only lasts while it is fresh.
    """
    now = found.now_us.astype(np.float64)
    hysteresis, span = lines.hysteresis[lines.of], lines.span_us[lines.of]
    due = np.where(
        found.churned, np.inf, np.minimum(found.standing.change_us.min(axis=1, initial=np.inf), found.slot_expiry_us)
    )
    due = np.where(found.churned, due, np.minimum(np.minimum(due, found.override_until_us), found.stages.change_us))
    pending = after[:, decision_state.PENDING_SINCE]
    due = np.where(pending > 0, np.minimum(due, pending + lines.dwell_us[lines.of]), due)
    place = np.maximum(after[:, decision_state.BAND].astype(np.int64), 0)
    scored = ~np.isnan(score) & ~found.churned & ~np.isnan(found.raw) & ~found.overridden
    raw = np.where(scored, found.raw, 50.0)
    lower = lines.floors[lines.of, place] - hysteresis
    falls = scored & (lower > 0) & (score >= lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        sink = np.log2(raw / np.where(falls, lower, 1.0)) * span
        due = np.where(falls, np.minimum(due, now + np.maximum(np.floor(sink), SECOND_US)), due)
        upper = lines.floors[lines.of, np.maximum(place - 1, 0)] + hysteresis
        rises = scored & (place > 0) & (pending == 0) & (found.cap >= upper) & (score < upper)
        good = (found.weight * found.value).sum(axis=1)
        total = found.weight.sum(axis=1)
        bad = total - good
        faded = np.where(bad > 0, (total - 100.0 * good / upper) / np.where(bad > 0, bad, 1.0), np.inf)
        climb = np.where((faded > 0) & (faded < 1), -np.log2(1.0 - np.clip(faded, 0.0, 1.0 - 1e-15)) * span, np.inf)
    due = np.where(
        rises & (faded < 1),
        np.minimum(due, now + np.maximum(np.floor(np.where(np.isfinite(climb), climb, 0.0)), SECOND_US)),
        due,
    )
    return np.where(np.isfinite(due), np.maximum(due, now + 1.0), np.inf)
