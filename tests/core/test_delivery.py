"""The policy of delivering: what an answer means, when to try again, when an endpoint rests or is
switched off."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.delivery import (
    JITTER,
    RETRY_AFTER_LIMIT,
    SCHEDULE,
    WELL,
    Abort,
    Answer,
    Delivered,
    DisableEndpoint,
    Exhausted,
    Health,
    NoAnswer,
    Outcome,
    Retry,
    Silence,
    Verdict,
    health_after,
    is_dead,
    judge,
    label,
    retry_after,
)

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SILENT = NoAnswer(reason=Silence.UNREACHABLE, seconds=0.1)
MIDDLE = 0.5  # no jitter

chances = st.floats(min_value=0, max_value=1, exclude_max=True)
statuses = st.integers(min_value=100, max_value=599)


def answer(status: int, *, retry_after: str | None = None, wish: str | None = None) -> Answer:
    return Answer(status=status, seconds=0.1, retry_after=retry_after, wish=wish)


def outcomes() -> st.SearchStrategy[Outcome]:
    answers = st.builds(
        answer,
        statuses,
        retry_after=st.none() | st.text(max_size=20),
        wish=st.none() | st.text(max_size=9),
    )
    return answers | st.sampled_from(Silence).map(lambda reason: NoAnswer(reason=reason, seconds=1))


def test_ten_tries_take_three_days() -> None:
    assert len(SCHEDULE) == 10
    assert sum(SCHEDULE, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize(
    ("attempt", "delay"),
    [
        (1, timedelta(seconds=5)),
        (2, timedelta(minutes=5)),
        (3, timedelta(minutes=30)),
        (4, timedelta(hours=2)),
        (5, timedelta(hours=5)),
        (6, timedelta(hours=10)),
        (7, timedelta(hours=14)),
        (8, timedelta(hours=20)),
        (9, timedelta(hours=24)),
    ],
)
def test_a_failed_try_is_followed_by_the_next_of_the_schedule(
    attempt: int, delay: timedelta
) -> None:
    assert judge(SILENT, attempt=attempt, at=AT, chance=MIDDLE) == Retry(AT + delay)


def test_the_tenth_failure_is_the_last() -> None:
    assert judge(SILENT, attempt=10, at=AT, chance=MIDDLE) == Exhausted()


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (answer(200), Delivered()),
        (answer(204), Delivered()),
        (answer(299), Delivered()),
        (answer(301), Retry(AT + SCHEDULE[1])),
        (answer(304), Retry(AT + SCHEDULE[1])),
        (answer(400), Retry(AT + SCHEDULE[1])),
        (answer(404), Retry(AT + SCHEDULE[1])),
        (answer(410), DisableEndpoint("gone", delivered=False)),
        (answer(410, wish="abort-message"), DisableEndpoint("gone", delivered=False)),
        (answer(429), Retry(AT + SCHEDULE[1])),
        (answer(500), Retry(AT + SCHEDULE[1])),
        (answer(500, wish="abort-message"), Abort()),
        (answer(422, wish=" Abort-Message "), Abort()),
        (answer(200, wish="abort-message"), Delivered()),
        (answer(200, wish="disable"), DisableEndpoint("asked", delivered=True)),
        (answer(403, wish="disable"), DisableEndpoint("asked", delivered=False)),
        (answer(500, wish="nonsense"), Retry(AT + SCHEDULE[1])),
        (answer(503, retry_after="60"), Retry(AT + timedelta(seconds=66))),
        (answer(429, retry_after="1"), Retry(AT + SCHEDULE[1])),
        (answer(503, retry_after="99999999999999999999"), Retry(AT + RETRY_AFTER_LIMIT)),
        (NoAnswer(reason=Silence.TIMEOUT, seconds=15), Retry(AT + SCHEDULE[1])),
    ],
)
def test_what_an_outcome_of_the_first_try_means(outcome: Outcome, verdict: Verdict) -> None:
    assert judge(outcome, attempt=1, at=AT, chance=MIDDLE) == verdict


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("86401", RETRY_AFTER_LIMIT),
        ("9" * 5000, RETRY_AFTER_LIMIT),
        ("Mon, 02 Mar 2026 09:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 02 Mar 2026 08:00:00 GMT", timedelta(0)),
        ("Mon, 02 Mar 2036 08:00:00 GMT", RETRY_AFTER_LIMIT),
        ("Mon, 02 Mar 2026 09:05:00 -0000", timedelta(minutes=5)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_read_within_bounds(header: str, wait: timedelta | None) -> None:
    assert retry_after(answer(503, retry_after=header), AT) == wait


@given(outcome=outcomes(), attempt=st.integers(1, 9), chance=chances)
def test_a_retry_is_never_sooner_than_planned_less_jitter_nor_than_asked(
    outcome: Outcome, attempt: int, chance: float
) -> None:
    verdict = judge(outcome, attempt=attempt, at=AT, chance=chance)
    if isinstance(verdict, Retry):
        asked = retry_after(outcome, AT) or timedelta(0)
        assert verdict.at - AT >= max(SCHEDULE[attempt] * (1 - JITTER), asked) - timedelta(
            microseconds=1
        )
        assert verdict.at - AT <= max(SCHEDULE[attempt] * (1 + JITTER), RETRY_AFTER_LIMIT)


@given(outcome=outcomes(), attempt=st.integers(1, 20), chance=chances)
def test_only_a_2xx_is_delivered_and_every_outcome_has_a_verdict_and_a_label(
    outcome: Outcome, attempt: int, chance: float
) -> None:
    verdict = judge(outcome, attempt=attempt, at=AT, chance=chance)

    success = isinstance(outcome, Answer) and 200 <= outcome.status < 300
    delivered = isinstance(verdict, Delivered) or (
        isinstance(verdict, DisableEndpoint) and verdict.delivered
    )
    assert delivered == success
    assert (label(outcome) == "delivered") == success


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (answer(201), "delivered"),
        (answer(302), "redirect"),
        (answer(404), "client_error"),
        (answer(410), "gone"),
        (answer(429), "throttled"),
        (answer(500), "server_error"),
        (answer(503), "throttled"),
        (SILENT, "unreachable"),
        (NoAnswer(reason=Silence.TLS, seconds=1), "tls"),
    ],
)
def test_labels(outcome: Outcome, code: str) -> None:
    assert label(outcome) == code


# ----------------------------------------------------------------------------- an endpoint's health


def fail(health: Health, at: datetime, outcome: Outcome = SILENT) -> Health:
    return health_after(health, outcome, judge(outcome, attempt=1, at=at, chance=MIDDLE), at)


def succeed(health: Health, at: datetime) -> Health:
    return health_after(health, answer(200), Delivered(), at)


def hours(*marks: float) -> list[datetime]:
    return [AT + timedelta(hours=mark) for mark in marks]


def run_of_failures(*marks: float) -> tuple[Health, datetime]:
    health = WELL
    for at in hours(*marks):
        health = fail(health, at)
    return health, hours(*marks)[-1]


@pytest.mark.parametrize(
    ("marks", "dead"),
    [
        ((0,), False),
        ((0, 1, 2), False),
        ((0, 13, 119), False),
        ((0, 13, 120), True),
        (tuple(range(121)), True),
        (tuple(range(120)), False),
        ((0, 500), False),              # two lone failures, far apart: the second window has only begun
        ((0, 500, 505), False),
        ((0, 500, 512), True),
        ((0, 11, 130), False),          # the first two are one window
        ((0, 11, 130, 142), True),
    ],
)  # fmt: skip
def test_an_endpoint_is_dead_after_five_days_of_failures_alone_in_two_windows(
    marks: tuple[float, ...], dead: bool
) -> None:
    health, at = run_of_failures(*marks)

    assert is_dead(health, at) == dead


def test_one_success_makes_an_endpoint_well() -> None:
    health, at = run_of_failures(0, 13, 119)

    health = succeed(health, at)

    assert health == WELL
    assert not is_dead(fail(health, at + timedelta(hours=2)), at + timedelta(hours=2))


def test_turning_one_message_away_is_a_sign_of_life() -> None:
    health, at = run_of_failures(0, 13)

    assert health_after(health, answer(400, wish="abort-message"), Abort(), at) == WELL


def test_a_first_failure_makes_an_endpoint_rest_no_time_at_all() -> None:
    assert fail(WELL, AT).paused_until == AT


def test_an_endpoint_rests_longer_the_longer_it_fails_up_to_a_limit() -> None:
    failing = fail(WELL, AT)

    after_ten_seconds = fail(failing, AT + timedelta(seconds=10)).paused_until
    after_a_day = fail(failing, AT + timedelta(days=1)).paused_until

    assert after_ten_seconds == AT + timedelta(seconds=11)
    assert after_a_day == AT + timedelta(days=1, seconds=30)


@pytest.mark.parametrize(
    ("outcome", "rest"),
    [
        (answer(429), timedelta(seconds=1)),
        (answer(503), timedelta(seconds=1)),
        (answer(504, retry_after="40"), timedelta(seconds=40)),
        (answer(502, retry_after="9" * 30), RETRY_AFTER_LIMIT),
        (answer(500, retry_after="40"), timedelta(0)),
    ],
)
def test_a_throttling_endpoint_rests_as_it_asks(outcome: Outcome, rest: timedelta) -> None:
    assert fail(WELL, AT, outcome).paused_until == AT + rest


@given(marks=st.lists(st.floats(0, 400), min_size=1, max_size=30))
def test_health_never_forgets_the_first_failure_nor_shortens_a_rest(marks: list[float]) -> None:
    health = WELL
    for at in hours(*sorted(marks)):
        before, health = health, fail(health, at)
        assert health.failing_since == hours(min(marks))[0]
        assert health.paused_until is not None
        assert health.paused_until >= max(at, before.paused_until or at)
