"""A walk through the past decides as the service would, and keeps what it saw."""

from itertools import pairwise

import numpy as np
import pytest

from healthsvc.core.fit.bands import FLIP_DAYS
from healthsvc.core.instants import DAY_US, from_us
from healthsvc.demo import history as demo
from healthsvc.flows.lab.replay_loop import KnownEvents, ReplayLoop, Timetable, Track
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.support.makers import as_json, make_event

END_US = 1_780_000_000_000_000
JUMPY = (
    default_document()
    .replace("hysteresis: 3", "hysteresis: 0")
    .replace("dwell_days: 1", "dwell_days: 0.001")
)


@pytest.fixture(scope="module")
def history() -> tuple[list[str], KnownEvents]:
    """Half a year of a synthetic fleet."""
    lines = demo.lines(demo.Demo(seed=5, customers=40, end_us=END_US))
    read = decode_batch(lines, now_us=END_US)
    assert not read.rejects
    whose = [event.customer_id for event in read.events]
    ids = list(dict.fromkeys(whose))
    return ids, KnownEvents(read.occurred_us, np.array([ids.index(c) for c in whose]), lines)


def walked(
    history: tuple[list[str], KnownEvents],
    document: str,
    timetable: Timetable,
    *,
    at_once: int = 1 << 30,
) -> Track:
    ids, told = history
    walk = ReplayLoop([compile_document(document).program], ids, timetable)
    for first in range(0, len(told.events), at_once):
        part = slice(first, first + at_once)
        walk.feed(KnownEvents(told.known_us[part], told.places[part], told.events[part]))
    walk.finish()
    return walk.tracks[0]


def test_to_look_only_at_those_who_are_due_gives_the_bands_of_looking_at_all(
    history: tuple[list[str], KnownEvents],
) -> None:
    weekly = walked(history, "", Timetable.daily(END_US, 20, 7))
    daily = walked(history, "", Timetable.daily(END_US, 19 * 7 + 1, 1))

    assert (weekly.course.band == daily.course.band[:, ::7]).all()
    assert len(np.unique(weekly.course.band)) > 4
    assert weekly.course.alerts.sum() == daily.course.alerts.sum() > 0
    assert (weekly.course.flips == daily.course.flips).all()


def test_events_may_come_in_any_pieces(history: tuple[list[str], KnownEvents]) -> None:
    timetable = Timetable.daily(END_US, 5, 7)

    whole, pieces = walked(history, "", timetable), walked(history, "", timetable, at_once=777)

    for name in ("band", "score", "alerts", "flips"):
        assert np.array_equal(
            getattr(whole.course, name), getattr(pieces.course, name), equal_nan=name == "score"
        )
    assert np.array_equal(whole.raw, pieces.raw, equal_nan=True)


def test_flips_are_those_that_the_bands_show(history: tuple[list[str], KnownEvents]) -> None:
    lane = walked(history, JUMPY, Timetable.daily(END_US, 120, 1))

    assert lane.course.flips.tolist() == [flips(path) for path in lane.course.band.tolist()]
    assert lane.course.flips.sum() > 3


def flips(path: list[int]) -> int:
    """Of one customer's bands day by day: changes that take the one before back in time."""
    changes = [
        (day, a, b) for day, (a, b) in enumerate(pairwise(path), 1) if a != b and min(a, b) >= 0
    ]
    return sum(
        b == before[1] and day - before[0] <= FLIP_DAYS for before, (day, _, b) in pairwise(changes)
    )


def test_who_left_is_known_by_when_it_next_did() -> None:
    begin = 20_000 * DAY_US
    days = begin + np.arange(4) * DAY_US
    walk = ReplayLoop([compile_document("").program], ["a", "b"], Timetable.of(days, days))
    left = [
        as_json(
            make_event(
                "subscription.cancelled",
                customer_id="a",
                occurred_at=from_us(at).isoformat(),
                data={},
            )
        )
        for at in days[[1, 3]].tolist()
    ]

    walk.feed(KnownEvents(days[[1, 3]], np.zeros(2, np.int64), [line.encode() for line in left]))
    walk.finish()

    assert walk.rejected == 0
    assert ((walk.churn_us() - begin) // DAY_US).tolist()[0][:3] == [1, 3, 3]
    assert walk.churn_us()[0, 3] == -1
    assert (walk.churn_us()[1] == -1).all()


@pytest.mark.parametrize(
    ("profile", "counts"),
    [
        ({"segment": "trial", "mrr": 0}, False),
        ({"segment": "Trial"}, False),
        ({"segment": "trial", "mrr": 100}, True),
        ({"segment": "test", "mrr": 100}, False),
        ({"segment": "retail", "mrr": 0}, True),
    ],
)
def test_the_end_of_a_trial_that_pays_nothing_is_no_churn(
    profile: dict[str, object], *, counts: bool
) -> None:
    begin = 20_000 * DAY_US
    days = begin + np.arange(4) * DAY_US
    walk = ReplayLoop([compile_document("").program], ["a"], Timetable.of(days, days))
    steps = [("customer.updated", profile, 0), ("subscription.cancelled", {}, 2)]
    lines = [
        as_json(
            make_event(
                type, customer_id="a", occurred_at=from_us(days[at].item()).isoformat(), data=data
            )
        ).encode()
        for type, data, at in steps
    ]

    walk.feed(KnownEvents(days[[0, 2]], np.zeros(2, np.int64), lines))
    walk.finish()

    assert bool(walk.churn_us()[0, 0] > 0) is counts
