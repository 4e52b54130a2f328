"""When a request is sent again, and after how long."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from healthsvc.client.calls import Call

REFUSED: Final = frozenset((429, 503))
"""Nothing was done."""
UNCERTAIN: Final = frozenset((408, 502, 504))
"""Nobody knows whether it was done."""
NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
NEVER_SENDABLE: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
Outcome = httpx.Response | httpx.TransportError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is sent, and the pauses between: doubled each time, half of each left to
    chance, at least what `Retry-After` asks."""

    attempts: int = 5
    first_seconds: float = 0.5
    longest_seconds: float = 30.0

    def pause(self, call: Call[Any], outcome: Outcome, attempt: int, chance: float) -> float | None:
        """Seconds until the next attempt; None: this outcome is final.

        attempt: its number, from 1. chance: from 0 to 1.
        """
        if attempt >= self.attempts or not _may_repeat(call, outcome):
            return None
        asked = retry_after(outcome) or 0.0
        if asked > self.longest_seconds:
            return None
        doubled = min(self.first_seconds * 2.0 ** (attempt - 1), self.longest_seconds)
        return max(asked, doubled * (0.5 + chance / 2))


def retry_after(outcome: Outcome) -> float | None:
    """The seconds that `Retry-After` asks for, also where it names a date."""
    if not isinstance(outcome, httpx.Response):
        return None
    header = outcome.headers.get("retry-after", "")
    try:
        seconds = float(header)
    except ValueError:
        seconds = _seconds_until(header)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str) -> float:
    try:
        instant = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()


def _may_repeat(call: Call[Any], outcome: Outcome) -> bool:
    if isinstance(outcome, httpx.Response):
        status = outcome.status_code
        return status in REFUSED or (status in UNCERTAIN and call.repeatable)
    if isinstance(outcome, NEVER_SENDABLE):
        return False
    return isinstance(outcome, NEVER_SENT) or call.repeatable
