"""A customer whose decision fails whenever its timer is due is isolated and postponed; all others
are decided."""

from datetime import datetime, timedelta

import pytest

from healthsvc.core.instants import to_us
from healthsvc.flows.processing.decisions.decider import Decider
from healthsvc.flows.processing.faults import poison_timers
from healthsvc.flows.processing.faults.poison_timers import DELAYS, TimerSearch
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.flows.readiness.postponed import PostponedTimers
from healthsvc.flows.readiness.watch import look
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import states as stored
from healthsvc.telemetry import TIMERS_POSTPONED
from tests.flows.processing.test_worker import SILENCE, Clock, has_silences, silences, used
from tests.flows.spine import append, applied, installed, processing, reaches, rows, wall
from tests.support.waiting import until

NOW = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def search_for(bad: set[int], count: int) -> tuple[list[int], int]:
    """Searches timers that failed together: those postponed, and the number of failures on the
    way."""
    search, due, postponed, failures = TimerSearch(), list(range(count)), [], 0
    search.begin(count, NOW)
    while search.active:
        tried = due[: search.limit]
        search.trying(tried)
        if bad & set(tried):
            failures += 1
            timer = search.failed(TypeError("a fault"))
            if timer is not None:
                postponed.append(timer.customer_key)
                due.remove(timer.customer_key)
        else:
            search.passed()
            due = due[len(tried) :]
    assert due == []
    return postponed, failures


@pytest.mark.parametrize("bad", [set(), {0}, {1999}, {7, 8, 1000}])
def test_timers_at_fault_are_isolated_in_a_few_tries(bad: set[int]) -> None:
    postponed, failures = search_for(bad, 2000)

    assert postponed == sorted(bad)
    assert failures <= 10 * len(bad)


def test_failures_that_come_once_postpone_nobody() -> None:
    search = TimerSearch()
    search.begin(1, NOW)
    search.trying([7])
    assert search.failed(TypeError("once")) is None
    search.trying([7])
    search.passed()
    assert not search.active


def test_a_timer_is_postponed_for_longer_each_time_and_begins_anew_once_it_was_decided() -> None:
    search = TimerSearch()
    assert [search.delay(7) for _ in range(5)] == [*DELAYS, DELAYS[-1]]

    assert search.decided([6, 7]) == {7}

    assert search.delay(7) == DELAYS[0]
    assert search.decided([6]) == set()


def test_a_search_ends_when_nothing_is_due_for_a_while() -> None:
    search = TimerSearch()
    search.begin(3, NOW)
    search.none_due(NOW)
    assert search.active

    search.none_due(NOW + poison_timers.LONGEST_SEARCH)

    assert not search.active


def test_a_postponed_timer_that_is_another_workers_by_now_is_reported_no_more() -> None:
    seconds = 0.0
    postponed = PostponedTimers(clock=lambda: seconds)
    postponed.postponed(7, "acme", "TypeError: x", 60.0)
    assert [timer.customer_id for timer in postponed.all()] == ["acme"]

    seconds = 121.0

    assert postponed.all() == []


@pytest.mark.parametrize("phase", ["loading", "deciding"])
async def test_a_customer_whose_decision_fails_delays_no_other_and_is_decided_once_that_is_mended(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    readiness = Readiness(process="here", roles=frozenset({"process"}))
    monkeypatch.setattr(poison_timers, "DELAYS", (timedelta(seconds=1),))
    broken = [True]
    break_decisions(monkeypatch, phase, broken)
    appender, clock = await installed(engine), Clock(wall())
    last = clock.at - timedelta(days=1)
    names = [f"c{i:03}" for i in range(40)]
    async with processing(engine, database_url, clock):
        await append(
            appender,
            [used(n, last - timedelta(hours=i)) for i in range(3) for n in [*names, "bad"]],
        )
        await until(lambda: reaches(engine, "bad", 3))
        await until(lambda: has_applied(engine, 3 * 41))
    before = TIMERS_POSTPONED._value.get()

    clock.at = last + SILENCE
    async with processing(engine, database_url, clock, worker="w2", postponed=readiness.postponed):
        await until(lambda: has_silences(engine, 40))
        await until(lambda: is_told(engine, readiness, "open"))
        assert [row.customer_id for row in await silences(engine)] == names
        assert TIMERS_POSTPONED._value.get() > before
        assert readiness.verdict().ready

        broken[0] = False
        clock.at += timedelta(seconds=2)

        await until(lambda: has_silences(engine, 41))
        await until(lambda: is_told(engine, readiness, "resolved"))


def break_decisions(monkeypatch: pytest.MonkeyPatch, phase: str, broken: list[bool]) -> None:
    """While `broken`, have the customer called bad fail once it is silent; or its state when it is
    loaded."""
    decide, load = Decider.decide, stored.many_by_keys
    silent_us = to_us(wall() - timedelta(days=1) + SILENCE) - 60_000_000

    def cannot_decide(self, rows, now_us, *arguments):
        row = self._states.row_of.get("bad")
        if broken[0] and row in rows.tolist() and now_us.max() > silent_us:
            raise RecursionError("too deep")
        return decide(self, rows, now_us, *arguments)

    async def cannot_load(conn, projection, keys):
        found = await load(conn, projection, keys)
        if broken[0] and "bad" in found.customer_ids:
            raise ValueError("a state that can't be read")
        return found

    if phase == "deciding":
        monkeypatch.setattr(Decider, "decide", cannot_decide)
    else:
        monkeypatch.setattr(stored, "many_by_keys", cannot_load)


async def is_told(engine: AsyncEngine, readiness: Readiness, state: str) -> bool:
    """Whether the next look finds or makes the alert in that state."""
    await look(engine, readiness, wall())
    found = await rows(engine, "select state from alerts where kind = 'timers_postponed'")
    return [row.state for row in found] == [state]


async def has_applied(engine: AsyncEngine, events: int) -> bool:
    return await applied(engine) >= events
