"""Traffic is counted by minute and scope, a large batch by a part of it, and history not at all."""

import json

import numpy as np
import pytest

from healthsvc.core.instants import DAY_US
from healthsvc.core.outages.traffic import MINUTE_US
from healthsvc.flows.processing.traffic import Traffic

NOW_US = 1_772_442_000_000_000
MINUTE = NOW_US // MINUTE_US


def noted(traffic: Traffic, sources: list[str], logged_us: int = NOW_US, age_us: int = 0) -> None:
    events = [
        json.dumps({"id": str(i), "source": s, "data": {"source": "x"}}).encode()
        for i, s in enumerate(sources)
    ]
    logged = np.full(len(events), logged_us)
    digests = np.random.default_rng(1).integers(0, 1 << 63, (len(events), 2)).astype(np.uint64)
    traffic.note(
        logged, logged - age_us, digests, events, lambda i: "small" if i % 4 == 0 else None
    )


def test_a_small_batch_is_counted_one_by_one_and_by_minute() -> None:
    traffic = Traffic()
    noted(traffic, ["web", "crm", "web", "web", "web"])
    noted(traffic, ["web"], NOW_US + MINUTE_US)

    assert traffic.take() == {
        (MINUTE, "fleet"): 5,
        (MINUTE, "source:web"): 4,
        (MINUTE, "source:crm"): 1,
        (MINUTE, "segment:small"): 2,
        (MINUTE + 1, "fleet"): 1,
        (MINUTE + 1, "source:web"): 1,
        (MINUTE + 1, "segment:small"): 1,
    }
    assert traffic.take() == {}


def test_of_a_large_batch_a_part_stands_for_all_whatever_pattern_the_sources_have() -> None:
    traffic = Traffic()
    noted(traffic, ["web", "crm"] * 10_000)

    counts = traffic.take()

    assert counts[MINUTE, "fleet"] == 20_000
    assert abs(counts[MINUTE, "source:web"] - 10_000) < 4_000
    assert counts[MINUTE, "source:web"] + counts[MINUTE, "source:crm"] == pytest.approx(20_000)


def test_history_is_no_sign_of_life() -> None:
    traffic = Traffic()
    noted(traffic, ["web"], age_us=2 * DAY_US)

    assert traffic.take() == {}


def test_a_source_for_each_device_does_not_fill_the_memory() -> None:
    traffic = Traffic()
    for n in range(50):
        noted(traffic, [f"device-{n}-{i}" for i in range(100)])

    assert len(traffic.take()) <= 100
