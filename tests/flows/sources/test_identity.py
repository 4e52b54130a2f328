"""Who an event is about: the same, in whatever order links and events come."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from healthsvc.flows.sources.catalogue import ConfiguredSource, built_in
from healthsvc.flows.sources.links import link_by_hand
from healthsvc.flows.sources.receive import CallReport, receive
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.intake.log import UnknownPartition
from healthsvc.store.sources import identity
from tests.flows.spine import installed, rows, scalar

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PARTITIONS = 4
SOURCE = ConfiguredSource(source=built_in()["segment"], mode="live", is_built_in=True)
AT = "2026-03-01T09:00:00Z"


def track(number: int, user: str) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "report viewed",
        "messageId": f"m-{number}",
        "userId": user,
        "timestamp": AT,
    }


def group(user: str, customer: str) -> dict[str, Any]:
    return {"type": "group", "messageId": f"g-{user}", "userId": user, "groupId": customer}


async def take(engine: AsyncEngine, items: Sequence[Any]) -> CallReport:
    body = json.dumps({"batch": list(items)}).encode()
    return await receive(engine, SOURCE, body, NOW, PARTITIONS)


async def used(engine: AsyncEngine) -> set[tuple[str, str]]:
    """The events of use in the log: id and customer."""
    events = [json.loads(row.event) for row in await rows(engine, "select event from log_entries")]
    return {(e["id"], e["customer_id"]) for e in events if e["type"] == "feature.used"}


async def test_links_before_after_and_between_the_events_come_to_the_same(
    engine: AsyncEngine,
) -> None:
    await installed(engine, PARTITIONS)

    for place, order in enumerate(permutations("lab")):
        user = f"u{place}"
        items = {"l": group(user, f"c{place}"), "a": track(2 * place, user)}
        items["b"] = track(2 * place + 1, user)
        for step in order:
            await take(engine, [items[step]])

    assert await used(engine) == {(f"m-{n}", f"c{n // 2}") for n in range(12)}
    assert await scalar(engine, "select count(*) from waiting_events") == 0


async def test_links_and_events_at_the_same_time_leave_nothing_behind(engine: AsyncEngine) -> None:
    await installed(engine, PARTITIONS)
    users = [f"u{number}" for number in range(12)]

    await asyncio.gather(
        *(take(engine, [track(n, user)]) for n, user in enumerate(users)),
        *(link_by_hand(engine, ("user", user), "acme", NOW, PARTITIONS) for user in users),
        *(take(engine, [track(n, user)]) for n, user in enumerate(users, 100)),
    )

    assert len(await used(engine)) == 24
    assert await scalar(engine, "select count(*) from waiting_events") == 0


async def test_events_wait_within_their_bound_and_not_for_ever(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await installed(engine, PARTITIONS)
    monkeypatch.setattr(identity, "MOST_WAITING", 3)

    first = await take(engine, [track(n, "u1") for n in range(2)])
    second = await take(engine, [track(n, "u1") for n in range(2, 5)])
    later = NOW.replace(month=5)
    body = json.dumps({"batch": [track(9, "u1")]}).encode()
    third = await receive(engine, SOURCE, body, later, PARTITIONS)

    assert (first.count("waiting"), second.count("waiting"), second.count("rejected")) == (2, 1, 2)
    assert "wait for their customers" in second.items[-1].errors[0].detail
    assert third.count("waiting") == 1
    assert await scalar(engine, "select count(*) from waiting_events") == 1


async def test_a_call_enters_as_a_whole_or_not_at_all(engine: AsyncEngine) -> None:
    await installed(engine, PARTITIONS)
    calls = [track(1, "u1"), *(group(f"u{n}", f"c{n}") for n in range(2, 9))]
    body = json.dumps({"batch": calls}).encode()

    with pytest.raises(UnknownPartition):
        await receive(engine, SOURCE, body, NOW, 400 * PARTITIONS)

    for table in ("waiting_events", "customer_links", "source_calls", "log_entries", "customers"):
        assert await scalar(engine, f"select count(*) from {table}") == 0


async def test_a_link_made_anew_changes_where_later_events_go_alone(engine: AsyncEngine) -> None:
    await installed(engine, PARTITIONS)

    await take(engine, [group("u1", "old"), track(1, "u1")])
    await take(engine, [group("u1", "new")])
    await take(engine, [track(2, "u1")])

    assert await used(engine) == {("m-1", "old"), ("m-2", "new")}
