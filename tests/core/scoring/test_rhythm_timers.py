"""Timers are never late by the customer's own rhythm either: over two years of visits that keep a
rhythm, change it or end, nothing changes before the instant told."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.instants import DAY_US
from tests.core.folded import PROGRAM, Event, Fold, at, us
from tests.core.test_properties import Course, assert_quiet

KINDS = (
    ("feature.used", {"feature": "export"}),
    ("session.started", {}),
    ("page.viewed", {"url": "https://x.test/pricing"}),
    ("page.viewed", {"url": "https://x.test/account/cancel-subscription"}),
    ("champion.left", {"name": "Ada"}),
)


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Visits by one rhythm and then by another, a pause between them; pages now and then."""
    days: list[float] = []
    day = 0.0
    for _ in range(draw(st.integers(1, 3))):
        period, visits = (
            draw(st.sampled_from((1, 2, 5, 7, 14, 16, 30, 45))),
            draw(st.integers(1, 40)),
        )
        days += [day + i * period for i in range(visits)]
        day = days[-1] + draw(st.sampled_from((1, 10, 20, 90)))
    uses = [(d, *KINDS[0]) for d in days for _ in range(draw(st.integers(1, 3)))]
    others = draw(
        st.lists(st.tuples(st.sampled_from(days), st.sampled_from(KINDS[1:])), max_size=9)
    )
    happenings = [*uses, *((d + 0.1, *kind) for d, kind in others)]
    return [
        {"id": f"e{i}", "source": "t", "type": type_, "customer_id": "acme", "data": data}
        | {"occurred_at": at(d)}
        for i, (d, type_, data) in enumerate(sorted(happenings, key=lambda h: h[0]))
    ]


@settings(max_examples=40, deadline=None)
@given(lives(), st.data())
def test_nothing_changes_by_time_alone_before_the_timer_is_due(
    events: list[Event], data: st.DataObject
) -> None:
    fold = Fold(program=PROGRAM)
    fold.feed(events)
    course, now = Course(["acme"]), int(fold.states.facts[0, 2])
    for _ in range(data.draw(st.integers(1, 6))):
        course.decide(fold, now)
        assert_quiet(fold, course.decisions, now, float(course.decisions.due[0]))
        now += data.draw(st.integers(1, 30 * DAY_US))


@settings(max_examples=25, deadline=None)
@given(lives(), st.floats(0, 200, allow_nan=False, width=32))
def test_each_flag_crosses_its_lines_at_the_instant_told(events: list[Event], quiet: float) -> None:
    fold = Fold(program=PROGRAM)
    fold.feed(events)
    now = int(fold.states.facts[0, 2]) + us(quiet) - us(0)
    flags = fold.evaluate(now).flags
    for name in ("silent", "usage_drop", "fading", "price_review", "champion_left"):
        f = PROGRAM.scorecard.flag_names.index(name)
        told = flags.change_us[0, f]
        if not np.isfinite(told) or told <= now + 4:
            continue
        before, after = (fold.evaluate(int(told) + step).flags for step in (-3, 3))
        assert before.place[0, f] == flags.place[0, f]
        assert after.place[0, f] != flags.place[0, f]
