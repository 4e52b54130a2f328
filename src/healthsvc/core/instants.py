"""Instants of the core: whole microseconds since 1970-01-01T00:00:00Z, and the spans counted in
them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3_600 * SECOND_US
DAY_US: Final = 24 * HOUR_US

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(at: datetime) -> int:
    """Microseconds of an aware datetime, exact (`timestamp()` goes through a float)."""
    return (at - _EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def from_us(us: int | float) -> datetime:
    """The aware UTC datetime of so many microseconds."""
    return _EPOCH + timedelta(microseconds=int(us))
