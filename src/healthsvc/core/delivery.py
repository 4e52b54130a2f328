"""What a receiver's answer means: when to try again, when to give up, when an endpoint rests or is
switched off.

Pure: the instant and the chance come in as arguments, the verdict goes out as data.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

# The delay before each try, counted from the try before it: 10 tries in 75 h 35 min.
SCHEDULE: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER: Final = 0.2  # of the delay, either way
RETRY_AFTER_LIMIT: Final = timedelta(hours=24)  # a receiver can't put us off for longer

THROTTLING: Final = frozenset({429, 502, 503, 504})
THROTTLE: Final = timedelta(
    seconds=1
)  # rest of an endpoint that throttles without saying for how long
REST_SHARE: Final = 0.1  # a failing endpoint rests a tenth of the time it has been failing,
REST_LIMIT: Final = timedelta(seconds=30)  # up to this long between two tries

DEAD_AFTER: Final = timedelta(days=5)
WINDOWS_APART: Final = timedelta(hours=12)

RECOVERED_AFTER: Final = 4  # failed tries that make a late success worth telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One try: what to send where. `secrets` sign it, the newest first; `at` is the instant that
    gets signed."""

    url: str
    message_id: str
    body: bytes
    secrets: tuple[str, ...] = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The receiver answered, whatever it said; `retry_after`, `wish`: headers Retry-After,
    webhook-delivery."""

    status: int
    seconds: float
    retry_after: str | None = None
    wish: str | None = None
    text: str = ""


class Silence(StrEnum):
    """Why there was no answer. UNREACHABLE doesn't say whether a connection was refused, or not
    attempted at all."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROTOCOL = "protocol"
    FAULT = "fault"  # ours: a secret that doesn't open, say


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """The receiver gave no complete answer within the deadline."""

    reason: Silence
    seconds: float


Outcome: TypeAlias = Answer | NoAnswer


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, not before `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The last try failed."""


@dataclass(frozen=True, slots=True)
class DisableEndpoint:
    """The receiver wants nothing more on this endpoint; `delivered` says whether it took this
    message."""

    reason: str
    delivered: bool


@dataclass(frozen=True, slots=True)
class Abort:
    """The receiver doesn't want this message, ever; it may want others."""


Verdict: TypeAlias = Delivered | Retry | Exhausted | DisableEndpoint | Abort


def judge(outcome: Outcome, *, attempt: int, at: datetime, chance: float) -> Verdict:
    """What follows from an outcome.

    `attempt` numbers the try, from 1; `at` is when it ended; `chance` in [0, 1) spreads the
    retries.
    """
    if isinstance(outcome, Answer):
        wish = (outcome.wish or "").strip().lower()
        if outcome.status == 410:
            return DisableEndpoint("gone", delivered=False)
        if wish == "disable":
            return DisableEndpoint("asked", delivered=is_success(outcome))
        if is_success(outcome):
            return Delivered()
        if wish == "abort-message":
            return Abort()
    if attempt >= len(SCHEDULE):
        return Exhausted()
    return Retry(at + _delay(outcome, SCHEDULE[attempt], at, chance))


def is_alive(verdict: Verdict) -> bool:
    """Whether the endpoint took the message, or turned it or all others away for good."""
    return isinstance(verdict, Delivered | Abort | DisableEndpoint)


def is_success(outcome: Outcome) -> bool:
    """2xx alone: a redirect isn't followed, so it is a failure."""
    return isinstance(outcome, Answer) and 200 <= outcome.status < 300


def retry_after(outcome: Outcome, at: datetime) -> timedelta | None:
    """How long the receiver asks us to wait (seconds or HTTP date), at most RETRY_AFTER_LIMIT; None
    if it doesn't."""
    if not isinstance(outcome, Answer) or outcome.retry_after is None:
        return None
    text = outcome.retry_after.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text) if len(text) <= 9 else RETRY_AFTER_LIMIT.total_seconds()
        return min(timedelta(seconds=seconds), RETRY_AFTER_LIMIT)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return min(max(until - at, timedelta(0)), RETRY_AFTER_LIMIT)


def _delay(outcome: Outcome, scheduled_delay: timedelta, at: datetime, chance: float) -> timedelta:
    """The planned delay with jitter either way, or what the receiver asks for with jitter upwards
    if that's longer."""
    spread = scheduled_delay * (1 - JITTER + 2 * JITTER * chance)
    requested_delay = retry_after(outcome, at)
    if requested_delay is None:
        return spread
    return max(spread, min(requested_delay * (1 + JITTER * chance), RETRY_AFTER_LIMIT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an endpoint has been doing since its last success; all None: fine."""

    failing_since: datetime | None = None  # first failure
    failing_again_at: datetime | None = None  # first failure at least WINDOWS_APART later
    paused_until: datetime | None = None  # nothing is sent before


WELL: Final = Health()


def health_after(health: Health, outcome: Outcome, verdict: Verdict, at: datetime) -> Health:
    """The endpoint's health after one more outcome.

    A receiver that turns a single message away (`Abort`) is alive. One that keeps failing is tried
    less and less often, whichever message is due: the rest grows with the time that it has been
    failing, so it needs no counter.
    """
    match verdict:
        case Delivered() | Abort() | DisableEndpoint():
            return WELL
        case Retry() | Exhausted():
            since = min(health.failing_since or at, at)
            again = health.failing_again_at or (at if at - since >= WINDOWS_APART else None)
            until = at + _rest(outcome, at - since, at)
            return Health(
                failing_since=since,
                failing_again_at=again,
                paused_until=max(until, health.paused_until or until),
            )
        case _:
            assert_never(verdict)


def is_dead(health: Health, at: datetime) -> bool:
    """Whether to switch off an endpoint that just failed once more at `at`.

    Failures alone for five days aren't enough, as a quiet endpoint may have had only two in that
    time: they must also have been seen in two windows at least twelve hours apart, before the
    present one.
    """
    if health.failing_since is None or health.failing_again_at is None:
        return False
    return at - health.failing_since >= DEAD_AFTER and at - health.failing_again_at >= WINDOWS_APART


def _rest(outcome: Outcome, failing: timedelta, at: datetime) -> timedelta:
    rest = min(failing * REST_SHARE, REST_LIMIT)
    if isinstance(outcome, Answer) and outcome.status in THROTTLING:
        requested = retry_after(outcome, at)
        return max(rest, THROTTLE if requested is None else requested)
    return rest


def label(outcome: Outcome) -> str:
    """A short code for lists and metrics; of a fixed set."""
    if isinstance(outcome, NoAnswer):
        return outcome.reason.value
    status = outcome.status
    if is_success(outcome):
        return "delivered"
    if status in THROTTLING:
        return "throttled"
    if status == 410:
        return "gone"
    if 300 <= status < 400:
        return "redirect"
    return "client_error" if 400 <= status < 500 else "server_error"
