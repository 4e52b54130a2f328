"""The fleet guard: what falls at once is the tracker, and nights, weekends and slow leaving are not
a fall."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from healthsvc.core.arrays import Floats
from healthsvc.core.instants import DAY_US
from healthsvc.core.outages import detect, traffic
from healthsvc.core.outages.detect import Detection, End, Guard, detect_falls
from healthsvc.core.outages.traffic import HOUR_US, MINUTE_US, Habit

MONDAY_US = 1_772_409_600_000_000
"""2026-03-02T00:00:00Z."""
WEEKS = 4
Rate = Callable[[int], float]
"""Instant → events an hour."""


def office(size: float) -> Rate:
    """Busy on working days, nearly still at night and at weekends."""

    def rate(us: int) -> float:
        day, hour = us // DAY_US % 7, us // HOUR_US % 24
        working = day not in (2, 3)  # 1970 began on a Thursday: these are Saturday and Sunday
        return size * (0.02 if not 7 <= hour < 19 or not working else 1.0)

    return rate


def habits(rates: Mapping[str, Rate], rng: np.random.Generator) -> dict[str, Habit]:
    """What some weeks before MONDAY teach, each event alone."""
    found: dict[str, Habit] = {}
    for scope, rate in rates.items():
        habit = traffic.new_habit()
        for us in range(MONDAY_US - WEEKS * 7 * DAY_US, MONDAY_US, HOUR_US):
            habit = traffic.learnt(habit, us, float(rng.poisson(rate(us))))
        found[scope] = habit
    return found


def day_before(rate: Rate, now_us: int, rng: np.random.Generator) -> Floats:
    begin = now_us - detect.LOOKED_BACK * MINUTE_US
    return rng.poisson(
        [rate(begin + m * MINUTE_US) / 60 for m in range(detect.LOOKED_BACK)]
    ).astype(float)


FLEET: dict[str, Rate] = {
    "fleet": office(6000),
    "source:web": office(4000),
    "source:app": office(1800),
    "source:crm": office(200),
    "segment:large": office(2000),
    "segment:small": office(4000),
}
NOON_US = MONDAY_US + 36 * HOUR_US  # Tuesday


@pytest.fixture(scope="module")
def known() -> dict[str, Habit]:
    return habits(FLEET, np.random.default_rng(1))


def at(
    now_us: int, known: Mapping[str, Habit], falls: Mapping[str, tuple[int, float]], *held: Guard
) -> Detection:
    """A detect_falls at a fleet in which some scopes have had only a share of their events for so
    many minutes."""
    rng = np.random.default_rng(2)
    came = {scope: day_before(rate, now_us, rng) for scope, rate in FLEET.items()}
    for scope, (minutes, share) in falls.items():
        came[scope][-minutes:] = np.floor(came[scope][-minutes:] * share)
    return detect_falls(known, came, held, now_us)


def test_nothing_falls_in_a_usual_week_whatever_the_hour(known: dict[str, Habit]) -> None:
    for hour in range(0, 168, 5):
        assert at(MONDAY_US + hour * HOUR_US, known, {}) == Detection()


def test_a_source_that_stops_is_told_within_minutes_and_alone(known: dict[str, Habit]) -> None:
    stopped = {
        "source:web": (5, 0.0),
        "fleet": (5, 0.33),
        "segment:small": (5, 0.3),
        "segment:large": (5, 0.4),
    }

    (fall,) = at(NOON_US, known, stopped).falls

    assert (fall.scope, fall.since_us) == ("source:web", NOON_US - 5 * MINUTE_US)
    assert fall.traffic.events == 0


def test_a_fleet_whose_sources_all_stop_is_one_fall_not_many(known: dict[str, Habit]) -> None:
    turn = at(NOON_US, known, dict.fromkeys(FLEET, (10, 0.0)))

    assert [f.scope for f in turn.falls] == ["fleet"]


def test_a_source_that_carries_most_of_the_fleet_is_named_itself(known: dict[str, Habit]) -> None:
    rates = FLEET | {"source:web": office(5700), "source:app": office(100)}
    mostly = habits(rates, np.random.default_rng(1))
    rng = np.random.default_rng(2)
    came = {scope: day_before(rate, NOON_US, rng) for scope, rate in rates.items()}
    for scope in ("fleet", "source:web", "segment:small", "segment:large"):
        came[scope][-15:] *= 0.04

    assert [f.scope for f in detect_falls(mostly, came, [], NOON_US).falls] == ["source:web"]


def test_a_segment_that_falls_while_its_sources_stand_is_named(known: dict[str, Habit]) -> None:
    assert [f.scope for f in at(NOON_US, known, {"segment:large": (15, 0.05)}).falls] == [
        "segment:large"
    ]


def test_a_sharp_fall_counts_as_a_stop_does_and_a_slack_hour_does_not(
    known: dict[str, Habit],
) -> None:
    assert at(NOON_US, known, {"source:web": (15, 0.15)}).falls
    assert not at(NOON_US, known, {"source:web": (60, 0.6)}).falls


def test_the_same_silence_at_night_is_no_fall(known: dict[str, Habit]) -> None:
    night = MONDAY_US + 27 * HOUR_US

    assert not at(night, known, {"source:crm": (300, 0.0)}).falls


def test_before_two_weeks_are_known_nothing_is_judged() -> None:
    young = traffic.new_habit()
    for us in range(MONDAY_US - 7 * DAY_US, MONDAY_US, HOUR_US):
        young = traffic.learnt(young, us, 1000.0)

    assert detect_falls({"fleet": young}, {}, [], NOON_US) == Detection()


def test_swarms_of_one_customer_ask_for_more_than_single_events() -> None:
    rng = np.random.default_rng(3)
    swarming = traffic.new_habit()
    for us in range(MONDAY_US - 28 * DAY_US, MONDAY_US, HOUR_US):
        swarming = traffic.learnt(
            swarming, us, 30.0 * rng.poisson(2)
        )  # two customers an hour, thirty events each

    assert traffic.dispersion(swarming) > 20
    came = np.ones(detect.LOOKED_BACK)
    came[-120:] = 0.0  # two hours that usually bring 120 events: but those are four visits
    assert detect_falls({"fleet": swarming}, {"fleet": came}, [], NOON_US) == Detection()
    assert detect_falls(
        {"fleet": swarming}, {"fleet": np.zeros(detect.LOOKED_BACK)}, [], NOON_US
    ).falls


def test_a_guard_ends_when_events_flow_again_and_not_at_the_first_of_them(
    known: dict[str, Habit],
) -> None:
    web = Guard(scope="source:web", since_us=NOON_US - 3 * HOUR_US)

    def after(minutes: int) -> Detection:
        rng = np.random.default_rng(2)
        came = {scope: day_before(rate, NOON_US, rng) for scope, rate in FLEET.items()}
        came["source:web"][-180:-minutes] = 0.0
        return detect_falls(known, came, [web], NOON_US)

    assert after(2).ends == ()
    assert after(14).ends == (End(scope="source:web", why="back"),)
    assert after(14).falls == ()


def test_a_fall_that_goes_on_is_told_once(known: dict[str, Habit]) -> None:
    web = Guard(scope="source:web", since_us=NOON_US - HOUR_US)

    assert at(NOON_US, known, {"source:web": (60, 0.0), "fleet": (60, 0.33)}, web) == Detection()
    dismissed = Guard(scope="source:web", since_us=NOON_US - HOUR_US, dismissed=True)
    assert (
        at(NOON_US, known, {"source:web": (60, 0.0), "fleet": (60, 0.33)}, dismissed) == Detection()
    )


def test_a_second_source_that_falls_makes_it_the_fleet(known: dict[str, Habit]) -> None:
    web = Guard(scope="source:web", since_us=NOON_US - HOUR_US)

    turn = at(NOON_US, known, dict.fromkeys(FLEET, (60, 0.0)), web)

    assert [f.scope for f in turn.falls] == ["fleet"]
    assert turn.ends == (End(scope="source:web", why="wider"),)


def test_what_has_not_come_back_for_a_week_is_the_new_habit(known: dict[str, Habit]) -> None:
    web = Guard(scope="source:web", since_us=NOON_US - 7 * DAY_US)

    assert at(NOON_US, known, {"source:web": (1440, 0.0)}, web).ends == (
        End(scope="source:web", why="new_habit"),
    )


def test_customers_have_as_long_to_be_heard_as_the_fall_lasted_a_day_at_most() -> None:
    assert detect.holds_until(0, 2 * HOUR_US) == 4 * HOUR_US
    assert detect.holds_until(0, 3 * DAY_US) == 4 * DAY_US
