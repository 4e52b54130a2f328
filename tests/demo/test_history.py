"""The demo fleet: believable in kind and number, valid, the same each time, and never mistaken for
real customers."""

import json
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from healthsvc.core.instants import DAY_US, HOUR_US
from healthsvc.demo import history
from healthsvc.demo.roster import SHARES, Archetype
from healthsvc.wire.events.decode import decode_batch

END_US = 1_790_000_000_000_000
SMALL = history.Demo(seed=7, customers=60, end_us=END_US)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return history.lines(SMALL)


@pytest.fixture(scope="module")
def events(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def at_us(event: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1e6)


def test_every_event_is_valid(lines: list[bytes]) -> None:
    decoded = decode_batch(lines, now_us=END_US)

    assert decoded.rejects == []
    assert len(decoded.events) == len(lines)


def test_the_same_seed_and_end_give_the_same_bytes(lines: list[bytes]) -> None:
    assert history.lines(SMALL) == lines


def test_another_seed_is_another_fleet(events: list[dict[str, Any]]) -> None:
    other = [
        json.loads(line)
        for line in history.lines(history.Demo(seed=8, customers=60, end_us=END_US))
    ]

    assert {event["customer_id"] for event in events}.isdisjoint(
        event["customer_id"] for event in other
    )


def test_ids_are_unique_and_times_ascend_to_the_end(events: list[dict[str, Any]]) -> None:
    times = [at_us(event) for event in events]

    assert len({event["id"] for event in events}) == len(events)
    assert all(before <= after for before, after in pairwise(times))
    assert END_US - 6 * HOUR_US < times[-1] <= END_US
    assert times[0] >= END_US - 183 * DAY_US


def test_all_of_it_says_that_it_is_synthetic(events: list[dict[str, Any]]) -> None:
    names = [event["data"]["name"] for event in events if event["type"] == "customer.updated"]

    assert {event["source"] for event in events} == {"demo"}
    assert len(names) == 60
    assert all(name.startswith("Synthetic ") for name in names)


def test_a_full_fleet_has_the_size_of_a_demo() -> None:
    count = len(history.lines(history.Demo(seed=1, customers=300, end_us=END_US)))

    assert 100_000 <= count <= 160_000


def test_a_fleet_holds_every_behaviour_in_its_share() -> None:
    fleet = history.Demo(seed=1, customers=300, end_us=END_US)
    examples = history.examples(fleet, history.lines(fleet))

    assert set(examples) == set(Archetype)
    assert sum(SHARES.values()) == pytest.approx(1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_example_has_not_left_unless_it_stands_for_leaving(seed: int) -> None:
    fleet = history.Demo(seed=seed, customers=120, end_us=END_US)
    lines = history.lines(fleet)
    events = [json.loads(line) for line in lines]

    left = {e["customer_id"] for e in events if e["type"] == "subscription.cancelled"}
    examples = history.examples(fleet, lines)

    assert {archetype for archetype, example in examples.items() if example in left} <= {
        Archetype.CANCELLED
    }
    assert Archetype.SILENT in examples


def test_some_leave_and_are_silent_afterwards(events: list[dict[str, Any]]) -> None:
    last = {event["customer_id"]: event["type"] for event in events}

    cancelled = {
        event["customer_id"] for event in events if event["type"] == "subscription.cancelled"
    }

    assert 2 <= len(cancelled) <= 12
    assert all(last[customer_id] == "subscription.cancelled" for customer_id in cancelled)


def test_the_last_days_hold_signals_to_act_on(events: list[dict[str, Any]]) -> None:
    fresh = Counter(event["type"] for event in events if at_us(event) > END_US - 3 * DAY_US)
    urls = [event["data"]["url"] for event in events if event["type"] == "page.viewed"]

    assert fresh["page.viewed"] > 5
    assert any("/cancel" in url for url in urls)
    assert any("/pricing" in url for url in urls)
    assert any("/support" in url for url in urls)


def test_weekends_are_quiet(events: list[dict[str, Any]]) -> None:
    days = Counter(datetime.fromisoformat(event["occurred_at"]).weekday() for event in events)

    assert days[6] < days[2] / 4


def test_lines_come_in_numbered_groups_after_any_line() -> None:
    made = [b"a", b"b", b"c", b"d", b"e"]

    whole, rest = list(history.groups(made, 2)), list(history.groups(made, 2, after=3))

    assert [[line.number for line in group] for group in whole] == [[1, 2], [3, 4], [5]]
    assert [[line[1] for line in group] for group in rest] == [[b"d", b"e"]]
    assert rest[0][0].number == 4


def test_a_fleet_is_remembered_with_its_end(tmp_path: Path) -> None:
    path = tmp_path / "replay" / "demo.json"
    first, later = (
        history.Demo(seed=1, customers=9, end_us=5),
        history.Demo(seed=1, customers=9, end_us=6),
    )

    assert history.remembered(path, first) == first
    assert history.remembered(path, later) == first


def test_a_seed_keeps_its_number_of_customers(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    history.remembered(path, history.Demo(seed=1, customers=9, end_us=5))

    with pytest.raises(history.OtherFleetError, match="--customers 9"):
        history.remembered(path, history.Demo(seed=1, customers=8, end_us=6))


def test_a_file_of_the_fleet_has_a_line_for_each_event(tmp_path: Path, lines: list[bytes]) -> None:
    history.write(lines, tmp_path / "demo.ndjson")

    assert (tmp_path / "demo.ndjson").read_bytes().splitlines() == lines
