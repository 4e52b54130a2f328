"""Laws of the core: order, batches, duplicates and restarts don't show; points add up; decisions
replay; timers are never late."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.decisions.decide import Decisions, decide
from healthsvc.core.folding import facts
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.instants import DAY_US, SECOND_US
from healthsvc.core.scoring.explain import contributions
from tests.core.folded import PROGRAM, START_US, Event, Fold, at, bits, us
from tests.core.strategies import CUSTOMERS, SPAN_DAYS, histories, splits
from tests.core.varied import VARIED

DAYS = st.floats(0, 2 * SPAN_DAYS, allow_nan=False, width=32)
SUMS = slice(facts.SLOW_0, facts.SLOW_0 + facts.SLOW_LEVELS)
often = settings(max_examples=50, deadline=None)


@often
@given(st.data())
def test_batches_duplicates_and_restarts_leave_the_same_bits(data: st.DataObject) -> None:
    events = data.draw(histories())
    whole = Fold()
    whole.feed(events)

    parts = Fold()
    seen: list[Event] = []
    for batch in data.draw(splits(events)):
        again = data.draw(st.lists(st.sampled_from(seen), max_size=4)) if seen else []
        places = data.draw(
            st.lists(st.integers(0, len(batch)), min_size=len(again), max_size=len(again))
        )
        mixed = list(batch)
        for place, event in zip(places, again, strict=True):
            mixed.insert(place, event)
        parts.feed(mixed)
        seen += batch
        if data.draw(st.booleans()):
            parts.restart()

    assert parts.packed() == whole.packed()


@often
@given(st.data())
def test_another_order_gives_the_same_facts_and_levels_within_1e_9(data: st.DataObject) -> None:
    events = data.draw(histories())
    one, other = Fold(), Fold()
    one.feed(events)
    other.feed(data.draw(st.permutations(events)))

    names = sorted(one.states.row_of)
    a, b = one.states.rows(names), other.states.rows(names)
    ours, theirs = one.states.facts[a], other.states.facts[b]
    assert np.allclose(ours[:, SUMS], theirs[:, SUMS], rtol=1e-9, atol=0)
    ours[:, SUMS] = theirs[:, SUMS] = 0.0
    assert np.array_equal(ours, theirs, equal_nan=True)
    assert np.allclose(one.states.cells[a], other.states.cells[b], rtol=1e-9, atol=0)
    assert [one.states.profile_values(r) for r in a.tolist()] == [
        other.states.profile_values(r) for r in b.tolist()
    ]
    score, other_score = one.evaluate(us(130)).score, other.evaluate(us(130)).score
    assert np.allclose(score, other_score, rtol=0, atol=1e-7, equal_nan=True)


@often
@given(histories(), DAYS)
def test_contributions_add_up_to_the_score(events: list[Event], days: float) -> None:
    fold = Fold(program=VARIED)
    fold.feed(events)
    view = fold.view(us(days))
    found = fold.evaluate(us(days))
    for row in range(len(found.score)):
        parts = contributions(view, found, row)
        if np.isnan(found.score[row]):
            assert parts == []
        else:
            assert abs(sum(p.points for p in parts) - found.score[row]) < 1e-6
            assert all(p.measure != "rounding" for p in parts)


@often
@given(histories(), st.lists(DAYS, min_size=len(CUSTOMERS), max_size=len(CUSTOMERS)))
def test_a_row_evaluated_alone_has_the_bits_it_has_among_many(
    events: list[Event], days: list[float]
) -> None:
    fold = Fold(program=VARIED)
    fold.feed(events)
    names = sorted(fold.states.row_of)
    instants = [us(d) for d, _ in zip(days, names, strict=False)]
    repeated = names * 9
    together = fold.evaluate(instants * 9, repeated)
    for i, name in enumerate(repeated):
        alone = fold.evaluate(instants[i % len(names)], [name])
        assert bits(alone, 0) == bits(together, i)


@often
@given(histories(), DAYS)
def test_the_score_at_an_instant_is_the_score_after_replaying_up_to_it(
    events: list[Event], days: float
) -> None:
    """Read as it went along, batch by batch, or replayed from the log later: the same bits."""
    in_time = sorted(events, key=lambda e: str(e["occurred_at"]))
    live = Fold()
    past = [e for e in in_time if e["occurred_at"] <= at(days)]
    for event in past:
        live.feed([event])
    replayed = Fold()
    replayed.feed(past)

    names = sorted(live.states.row_of)
    a, b = live.evaluate(us(days)), replayed.evaluate(us(days))
    assert [bits(a, i) for i in range(len(names))] == [bits(b, i) for i in range(len(names))]


class Course:
    """Decisions in the course of time, with their memory."""

    def __init__(self, names: list[str], program: CompiledScorecard = PROGRAM) -> None:
        self.program = program
        self.decisions = DecisionStates.undecided(len(names))
        self.names = names

    def decide(self, fold: Fold, now_us: int) -> Decisions:
        known = [i for i, n in enumerate(self.names) if n in fold.states.row_of]
        found = fold.evaluate(now_us, [self.names[i] for i in known])
        decisions = decide(self.program, found, self.decisions.take(known))
        self.decisions.put(known, decisions.after)
        return decisions


def _told(d: Decisions) -> tuple[object, ...]:
    return (
        d.after.array.tobytes(),
        d.score.tobytes(),
        d.flags,
        d.bands,
        d.history.tobytes(),
        d.standings.tobytes(),
        d.timers.tobytes(),
    )


@often
@given(st.data())
def test_decisions_replayed_at_the_recorded_instants_come_out_the_same(data: st.DataObject) -> None:
    events = data.draw(histories())
    batches = data.draw(splits(events))
    instants = sorted(data.draw(st.lists(DAYS, min_size=len(batches), max_size=len(batches))))
    live, first = Course(list(CUSTOMERS)), Fold()
    told = []
    for batch, days in zip(batches, instants, strict=True):
        first.feed(batch)
        told.append(_told(live.decide(first, us(days))))

    again, second = Course(list(CUSTOMERS)), Fold()
    for n, (batch, days) in enumerate(zip(batches, instants, strict=True)):
        for event in batch:
            second.feed([event])
        second.restart()
        assert _told(again.decide(second, us(days))) == told[n]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_band_flag_or_place_changes_by_time_alone_before_the_timer_is_due(
    data: st.DataObject,
) -> None:
    fold = Fold(program=data.draw(st.sampled_from((PROGRAM, VARIED))))
    fold.feed(data.draw(histories(customers=("acme",))))
    course = Course(["acme"], fold.program)
    now = us(data.draw(DAYS))
    for _ in range(data.draw(st.integers(1, 6))):  # a memory with something in it
        before = course.decisions.copy()
        decisions = course.decide(fold, now)
        due = float(course.decisions.due[0])
        assert due > now or due == before.due[0]
        assert_quiet(fold, course.decisions, now, due)
        now += data.draw(st.integers(1, 30 * DAY_US))
        del decisions


def assert_quiet(fold: Fold, remembered: DecisionStates, now: int, due: float) -> None:
    """Deciding at any instant before `due` changes neither band nor flags. A second is the timers'
    finest step."""
    end = min(due, now + 500 * DAY_US)
    if end <= now + SECOND_US:  # of the score; what has an exact instant is tested by itself
        return
    grid = np.unique(
        np.concatenate(
            [np.linspace(now, end, 40), now + np.geomspace(1, end - now, 20), [end - 1]]
        ).astype(np.int64)
    )
    grid = grid[(grid > now) & (grid < end)]
    found = fold.evaluate(grid.tolist(), ["acme"] * len(grid))
    after = decide(fold.program, found, remembered.take(np.zeros(len(grid), np.int64))).after
    assert (after.flags == remembered.flags[0]).all()
    assert (after.band == remembered.band[0]).all()
    assert (after.place == remembered.place[0]).all()


@settings(max_examples=10, deadline=None)
@given(histories(customers=("acme",)))
def test_timers_come_to_rest_and_meet_each_exact_instant(events: list[Event]) -> None:
    """Followed for three years after the last event: few firings, and silence is decided in its
    microsecond."""
    fold = Fold()
    fold.feed(events)
    course = Course(["acme"])
    now, firings = us(SPAN_DAYS), 0
    silent = PROGRAM.scorecard.flags.index(
        next(f for f in PROGRAM.scorecard.flags if f.name == "silent")
    )
    found = fold.evaluate(now)
    begins = float(found.flags.change_us[0, silent]) if not found.flags.holds[0, silent] else np.inf
    while now < us(SPAN_DAYS) + 500 * DAY_US:
        decisions = course.decide(fold, now)
        raised = [c for c in decisions.flags if c.flag == silent and c.kind == "raised"]
        if raised and firings:
            assert now == begins == raised[0].onset_us
        due = float(course.decisions.due[0])
        if due == np.inf:
            break
        now, firings = int(due), firings + 1
    assert firings < 1_500  # one a day, and some hundred for each edge of a band that is neared


@often
@given(histories(customers=("acme",)), DAYS)
def test_what_was_counted_is_counted_once_and_scores_stay_in_range(
    events: list[Event], days: float
) -> None:
    fold = Fold()
    assert fold.feed(events) == len(events)
    assert fold.feed(events) == 0
    assert fold.states.facts[0, facts.EVENTS] == len(events)
    found = fold.evaluate(us(days))
    score = found.score[0]
    assert np.isnan(score) or 0 <= score <= 100
    assert 0 <= found.coverage[0] <= 1
    assert found.now_us[0] + 1 > START_US
