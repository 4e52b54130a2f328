"""Decisions with memory: bands with hysteresis and dwell, alerts once, churn freezes, old causes
raise no alert."""

from typing import Any

import numpy as np
import pytest
import yaml

from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US
from healthsvc.core.decisions.decide import Decisions, alert_id, decide
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.flags.kind import FlagStates
from healthsvc.core.scoring.lifecycle import Stages
from healthsvc.core.scoring.variant_choice import WHOLE
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.core.folded import CARD, PROGRAM, START_US, Fold, at, us
from tests.core.scoring.test_evaluate import CANCEL, CANCELLED, STEADY, contact, fold, page, used
from tests.support.makers import make_event

HEALTHY, WATCH, AT_RISK, CRITICAL = range(4)
NAMES = [rule.name for rule in CARD.flags]


def judged(score: float, now_us: int = START_US) -> Evaluation:
    """An evaluation that says this score and no flag."""
    one = np.ones((1, 1))
    return Evaluation(
        now_us=np.array([now_us]),
        score=np.array([score]),
        own=np.array([score]),
        overridden=np.zeros(1, bool),
        override_until_us=np.full(1, np.inf),
        raw=np.array([score]),
        weight=one,
        value=one * score / 100,
        coverage=np.ones(1),
        cap=np.full(1, 100.0),
        flags=FlagStates.none(1, len(NAMES)),
        churned=np.zeros(1, bool),
        slot_expiry_us=np.full(1, np.inf),
        marks_change_us=np.full(1, np.inf),
        first_seen_us=np.zeros(1, np.int64),
        stages=Stages(
            stage=np.zeros(1, np.int64), rule=np.zeros(1, np.int64), change_us=np.full(1, np.inf)
        ),
        variant=WHOLE,
    )


def course(*steps: tuple[float, float]) -> list[int]:
    """The band after each (day, score)."""
    remembered, bands = DecisionStates.undecided(1), []
    for days, score in steps:
        remembered = decide(PROGRAM, judged(score, us(days)), remembered).after
        bands.append(int(remembered.band[0]))
    return bands


NONE = float("nan")
BAND_TABLE: list[tuple[str, list[tuple[float, float]], list[int]]] = [
    ("the first score has its natural band", [(0, 72)], [HEALTHY]),
    ("a floor belongs to the better band", [(0, 70)], [HEALTHY]),
    ("no evidence, no band", [(0, NONE)], [-1]),
    ("evidence that goes leaves the band", [(0, 55), (1, NONE)], [WATCH, WATCH]),
    ("a little below the floor changes nothing", [(0, 72), (1, 67.5)], [HEALTHY, HEALTHY]),
    ("on the hysteresis line is not beyond it", [(0, 72), (1, 67)], [HEALTHY, HEALTHY]),
    ("beyond the hysteresis is believed at once", [(0, 72), (0, 66.9)], [HEALTHY, WATCH]),
    ("two bands down in one step", [(0, 72), (0, 20)], [HEALTHY, CRITICAL]),
    ("better is believed after the dwell", [(0, 60), (1, 80), (1.9, 80), (2, 80)], [WATCH, WATCH,
    WATCH, HEALTHY]),
    ("better within the hysteresis is not better", [(0, 60), (1, 72), (9, 72)], [WATCH, WATCH,
    WATCH]),
    ("a setback starts the dwell anew", [(0, 60), (1, 80), (1.5, 60), (2.2, 80), (3, 80), (3.2,
    80)],
     [WATCH, WATCH, WATCH, WATCH, WATCH, HEALTHY]),
    ("two bands up after one dwell", [(0, 20), (1, 80), (2, 80)], [CRITICAL, CRITICAL, HEALTHY]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "bands"), [row[1:] for row in BAND_TABLE], ids=[row[0] for row in BAND_TABLE]
)
def test_bands_move_as_the_table_says(steps: list[tuple[float, float]], bands: list[int]) -> None:
    assert course(*steps) == bands


def decided(state: Any, days: float, remembered: np.ndarray | None = None) -> Decisions:
    start = DecisionStates.undecided(1) if remembered is None else remembered
    return decide(PROGRAM, state.evaluate(us(days)), start)


def kinds(decisions: Decisions) -> list[tuple[str, str, bool]]:
    return [(NAMES[c.flag], c.kind, c.alert) for c in decisions.flags]


def test_a_flag_is_raised_once_and_released_once() -> None:
    state = fold(CANCEL, contact(1, "positive"))
    first = decided(state, 1)
    again = decided(state, 2, first.after)
    released = decided(state, 14, again.after)
    assert kinds(first) == [("cancel_intent", "raised", True)]
    assert kinds(again) == []
    assert kinds(released) == [("cancel_intent", "released", False)]


def test_an_old_cause_makes_history_but_no_alert() -> None:
    state = fold(CANCEL)
    days = ALERT_MAX_AGE_US / DAY_US
    assert kinds(decided(state, days)) == [("cancel_intent", "raised", True)]
    late = decided(state, days + 0.001)
    assert kinds(late) == [("cancel_intent", "raised", False)]
    assert late.history.tolist() == [0]


def test_a_fall_into_a_risky_band_alerts_unless_its_flag_did() -> None:
    healthy = decide(PROGRAM, judged(80), DecisionStates.undecided(1)).after
    (fallen,) = decide(PROGRAM, judged(20), healthy).bands
    assert fallen.alert
    assert (fallen.before, fallen.after) == (HEALTHY, CRITICAL)
    (slipped,) = decide(PROGRAM, judged(60), healthy).bands
    assert not slipped.alert
    told = decided(fold(*STEADY, page(27, "cancel")), 27, healthy)
    assert [c.alert for c in told.bands] == [False]
    assert ("cancel_intent", "raised", True) in kinds(told)


def test_churn_freezes_score_band_and_flags_until_they_come_back() -> None:
    state = fold(*STEADY)
    before = decided(state, 27)
    leaving = fold(*STEADY, (27, *CANCELLED[1:]))
    gone = decided(leaving, 27, before.after)
    later = decided(leaving, 200, gone.after)
    assert gone.score[0] == before.score[0] == later.score[0]
    assert later.after.band[0] == before.after.band[0]
    assert kinds(gone) == [("churned", "raised", True)]
    assert kinds(later) == []
    assert later.due_us[0] == np.inf
    back = decided(
        fold(*STEADY, (27, *CANCELLED[1:]), (201, "subscription.renewed", {}), *used(201)),
        201,
        later.after,
    )
    assert ("churned", "released", False) in kinds(back)
    assert np.isnan(back.after.score_at_churn[0])


def test_history_has_a_row_a_day_or_a_point_and_none_between() -> None:
    remembered, rows = DecisionStates.undecided(1), []
    for days, score in [(0, 60.0), (0.1, 60.4), (0.2, 61.2), (0.3, 60.9), (1, 60.9)]:
        decisions = decide(PROGRAM, judged(score, us(days)), remembered)
        remembered = decisions.after
        rows.append(len(decisions.history))
    assert rows == [1, 0, 1, 0, 1]


def test_an_earlier_timer_is_written_a_later_one_is_not() -> None:
    first = decided(fold(*used(0, 1, 2)), 2)
    assert first.timers[0]
    assert first.due_us[0] > us(2)
    more = decided(fold(*used(0, 1, 2, 2.5)), 2.5, first.after)
    assert not more.timers[0]
    assert more.after.due[0] == first.due_us[0]
    sooner = first.after.copy()
    sooner.due[0] = np.inf
    assert decided(fold(*used(0, 1, 2, 2.5)), 2.5, sooner).timers[0]


def test_the_same_cause_has_the_same_alert_id_and_another_one_another() -> None:
    ids = {
        alert_id("acme", "silent", 1),
        alert_id("acme", "silent", 1),
        alert_id("acme", "silent", 2),
        alert_id("bolt", "silent", 1),
    }
    assert len(ids) == 3


def test_a_scorecard_without_flags_decides_too_also_of_those_who_left() -> None:
    data = yaml.safe_load(default_document()) | {"flags": [], "variants": []}
    program = compile_document(yaml.safe_dump(data, sort_keys=False)).program
    state = Fold(program=program)
    state.feed([make_event("subscription.cancelled", occurred_at=at(0), data={})])
    found = state.evaluate(us(1))

    decisions = decide(program, found, DecisionStates.undecided(1))

    assert found.churned.all()
    assert decisions.flags == []
