"""A record's time of logging is its timestamp, unless that can't be true."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from healthsvc.log.kafka.times import logged_us

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@dataclass
class Stamped:
    timestamp: int | None


@pytest.mark.parametrize("timestamp", [NOW_MS, NOW_MS - 1, NOW_MS + 299_000, 1_300_000_000_000])
def test_possible_times_are_taken(timestamp: int) -> None:
    assert logged_us([Stamped(timestamp)], NOW).tolist() == [timestamp * 1000]


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        0,
        -1,
        -(2**63),
        2**63 - 1,
        2**80,
        NOW_MS // 1000,
        NOW_MS * 1000,
        NOW_MS * 10**6,
        NOW_MS + 301_000,
    ],
)
def test_impossible_times_are_replaced_by_the_time_of_reading_and_others_stay(
    timestamp: int | None,
) -> None:
    assert logged_us([Stamped(NOW_MS - 5), Stamped(timestamp)], NOW).tolist() == [
        (NOW_MS - 5) * 1000,
        NOW_MS * 1000,
    ]
