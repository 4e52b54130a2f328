"""When records entered the log, by their timestamps; what can't be true is replaced by the time of
reading."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

EARLIEST_MS: Final = int(datetime(2011, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""The year of Kafka's first release: earlier ones are 0, -1, or seconds."""
AHEAD: Final = timedelta(minutes=5)
"""So far a producer's clock may be ahead; later ones are microseconds, nanoseconds, or a clock gone
wrong."""
_TIMESTAMP = attrgetter("timestamp")


def logged_us(records: Sequence[Any], now: datetime) -> NDArray[np.int64]:
    """Microseconds since 1970, an entry a record."""
    now_ms = int(now.timestamp() * 1000)
    latest_ms = now_ms + int(AHEAD.total_seconds() * 1000)
    try:
        ms = np.fromiter(map(_TIMESTAMP, records), np.int64, len(records))
    except (TypeError, ValueError, OverflowError):  # none, or beyond 64 bits
        ms = np.array([_within_64_bits(record.timestamp) for record in records], np.int64)
    impossible = (ms < EARLIEST_MS) | (ms > latest_ms)
    if impossible.any():
        ms[impossible] = now_ms
    return ms * 1000


def _within_64_bits(timestamp: object) -> int:
    return timestamp if isinstance(timestamp, int) and 0 <= timestamp < 2**63 else -1
