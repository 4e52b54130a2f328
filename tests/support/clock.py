"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

START_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """Callable like the `now` that flows take; aware, in UTC."""

    def __init__(self, at: datetime = START_AT) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    @property
    def us(self) -> int:
        """The instant in microseconds since 1970 UTC, as the core counts."""
        return (self.at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move forward and answer the new instant."""
        self.at += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.at
