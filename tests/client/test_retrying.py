"""A request is sent again where that is safe and may help, and not otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from healthsvc.client import (
    BusyAnswer,
    Client,
    FaultAnswer,
    RetryPolicy,
    ServiceUnreachable,
    operations,
)
from healthsvc.client.errors import AnswerUnreadable, ServiceAddressError
from healthsvc.client.retrying import Outcome

READ = operations.me()
CREATE = operations.create_endpoint("https://crm.example.com/hook")
ME = {
    "id": "key_1",
    "name": "crm",
    "scopes": [],
    "expires_at": None,
    "actor": {"kind": "key", "id": "key_1", "name": "crm", "via_key": None},
}
PROBLEM = {
    "type": "/problems/unavailable",
    "title": "Not now",
    "status": 503,
    "detail": "The database is away.",
    "instance": "/v1/me",
    "request_id": "r",
}
REQUEST = httpx.Request("GET", "http://api/v1/me")
QUICK = RetryPolicy(first_seconds=0.0)


class Script(httpx.BaseTransport):
    """Answers one outcome after the other, and counts the requests."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes: Iterator[Outcome] = iter(outcomes)
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        outcome = next(self._outcomes)
        if isinstance(outcome, httpx.Response):
            return outcome
        outcome.request = request
        raise outcome


def response(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(
    ("outcome", "read_again", "created_again"),
    [
        (response(503), True, True),
        (response(429), True, True),
        (response(502), True, False),
        (response(504), True, False),
        (response(408), True, False),
        (response(500), False, False),
        (response(404), False, False),
        (response(200), False, False),
        (httpx.ConnectError("refused"), True, True),
        (httpx.ReadTimeout("late"), True, False),
        (httpx.RemoteProtocolError("cut"), True, False),
        (httpx.LocalProtocolError("a line feed in the key"), False, False),
    ],
)
def test_what_may_have_been_done_is_repeated_only_where_that_is_harmless(
    outcome: Outcome, read_again: bool, created_again: bool
) -> None:
    policy = RetryPolicy()

    assert (policy.pause(READ, outcome, 1, 0.5) is not None) == read_again
    assert (policy.pause(CREATE, outcome, 1, 0.5) is not None) == created_again


def test_pauses_double_up_to_a_limit_and_half_of_each_is_left_to_chance() -> None:
    policy = RetryPolicy(attempts=9, first_seconds=1.0, longest_seconds=5.0)

    shortest, longest = (
        [policy.pause(READ, response(503), attempt, chance) for attempt in range(1, 6)]
        for chance in (0.0, 1.0)
    )

    assert shortest == [0.5, 1.0, 2.0, 2.5, 2.5]
    assert longest == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_last_attempt_is_final() -> None:
    assert RetryPolicy(attempts=3).pause(READ, response(503), 3, 0.5) is None


@pytest.mark.parametrize(
    ("header", "least"),
    [("7", 7.0), ("0", 0.0), ("soon", 0.0), ("-3", 0.0), ("nan", 0.0), ("", 0.0)],
)
def test_retry_after_is_honoured(header: str, least: float) -> None:
    pause = RetryPolicy(first_seconds=0.0).pause(READ, response(503, retry_after=header), 1, 0.5)

    assert pause == least


def test_retry_after_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)

    pause = RetryPolicy().pause(READ, response(429, retry_after=at), 1, 0.5)

    assert pause is not None
    assert 15.0 < pause <= 20.0


def test_whoever_asks_for_more_patience_than_there_is_gets_no_further_attempt() -> None:
    assert (
        RetryPolicy(longest_seconds=30).pause(READ, response(503, retry_after="60"), 1, 0) is None
    )


def test_an_answer_that_comes_at_the_third_attempt_is_the_answer() -> None:
    script = Script(httpx.ConnectError("refused"), response(503), httpx.Response(200, json=ME))

    with Client("http://api", "k", retries=QUICK, transport=script) as client:
        assert client.me().name == "crm"

    assert script.requests == 3


def test_an_error_that_stays_is_raised_with_its_problem() -> None:
    script = Script(*[httpx.Response(503, json=PROBLEM) for _ in range(2)])

    with Client("http://api", "k", retries=replace(QUICK, attempts=2), transport=script) as client:
        with pytest.raises(BusyAnswer, match="The database is away") as error:
            client.me()

    assert error.value.problem is not None
    assert error.value.problem.request_id == "r"


def test_an_answer_of_a_proxy_is_shown_as_it_came() -> None:
    script = Script(httpx.Response(500, text="<h1>Oops</h1>"))

    with Client("http://api", "k", transport=script) as client:
        with pytest.raises(FaultAnswer, match="<h1>Oops</h1>"):
            client.me()


def test_a_service_that_cannot_be_reached_is_named() -> None:
    script = Script(httpx.ReadTimeout("late"))

    with Client("http://api", "k", retries=replace(QUICK, attempts=1), transport=script) as client:
        with pytest.raises(ServiceUnreachable, match="http://api/v1/me: late"):
            client.me()


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id": "key_1"}', b"<html>"])
def test_an_answer_of_another_shape_is_not_passed_on(body: bytes) -> None:
    script = Script(httpx.Response(200, content=body))

    with Client("http://api", "k", transport=script) as client:
        with pytest.raises(AnswerUnreadable, match="another version"):
            client.me()


@pytest.mark.parametrize("url", ["", "api", "ftp://api", "http://", "http://[::1", "//api"])
def test_what_is_not_an_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ServiceAddressError, match="isn't an address"):
        Client(url, "k")
