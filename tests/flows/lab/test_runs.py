"""A run of the lab on the service's own archive: fitted and judged in a process of its own,
cancelled, taken over."""

import asyncio
import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from healthsvc.core.risk.section import model_key
from healthsvc.flows.lab import runs, worker_process
from healthsvc.flows.lab.replay import ReplayJob
from healthsvc.flows.lab.run import RunRequest
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.lab import runs as stored
from healthsvc.store.lab.runs import Run
from healthsvc.wire.scorecards.document import compile_document
from tests.flows.spine import Event, append, installed, processing, scalar, wall
from tests.support.makers import make_actor, make_event
from tests.support.waiting import PATIENCE_SECONDS, until

NOW = datetime.now(UTC).replace(microsecond=0)
FIT = RunRequest(kind="fit", horizon_days=14)


def story(customers: int = 260, days: int = 200, seed: int = 3) -> list[Event]:
    """Customers who act at their own pace; who is about to cancel fades and looks at the cancel
    page."""
    chance, made = random.Random(seed), []
    for c in range(customers):
        leaves, day, pace = (
            chance.expovariate(1 / 150) + 10,
            chance.uniform(0, 60),
            chance.lognormvariate(0.5, 0.6),
        )
        end = min(leaves + day, days)
        while day < end:
            fading = leaves < days and end - day < 25
            day += chance.expovariate(1 / pace) * (4 if fading else 1)
            if day < end:
                cancelling = fading and chance.random() < 0.4
                made.append(
                    (
                        day,
                        c,
                        "page.viewed",
                        {"url": f"https://x.test/{'account/cancel' if cancelling else 'a'}"},
                    )
                )
        if end < days:
            made.append((end, c, "subscription.cancelled", {}))
    return [
        make_event(kind, id=f"e{i}", customer_id=f"c{c}", data=data)
        | {"occurred_at": (NOW - timedelta(days=days - day)).isoformat()}
        for i, (day, c, kind, data) in enumerate(sorted(made, key=lambda m: m[:2]))
    ]


async def archived(engine: AsyncEngine, url: str, events: list[Event]) -> None:
    appender = await installed(engine)
    async with processing(engine, url, wall):
        await append(appender, events)
        await until(lambda: _all_in(engine, len(events)))


async def _all_in(engine: AsyncEngine, count: int) -> bool:
    return bool(await scalar(engine, "select count(*) from archive") == count)


async def executed(engine: AsyncEngine, url: str, run: Run) -> Run:
    assert await runs.execute_next(engine, url, worker_id="w", now=wall, stop=asyncio.Event())
    found = await runs.find(engine, run.id)
    assert found is not None
    return found


async def test_a_fit_gives_a_scorecard_to_publish_and_its_backtest(
    engine: AsyncEngine, database_url: str
) -> None:
    events = story()
    await archived(engine, database_url, events)
    run = await runs.ask(engine, FIT, by=make_actor("kim"), now=NOW)

    done = await executed(engine, database_url, run)

    assert (done.state, done.failure, done.progress) == ("done", None, 1.0)
    result: dict[str, Any] = done.result or {}
    assert result["events"] == len(events)
    assert result["reason"] == "fitted"
    assert result["figures"]["auc"] > 0.6
    assert {c["name"] for c in result["gate"]["checks"]} == {
        "at_least_as_good_as_live",
        "lift_of_red",
    }
    rules = compile_document(result["scorecard"]).program.risk_rules
    assert rules is not None
    async with engine.connect() as conn:
        assert await stored.of_model(conn, model_key(rules)) == done
    assert not await runs.execute_next(
        engine, database_url, worker_id="w", now=wall, stop=asyncio.Event()
    )


async def test_an_archive_without_outcomes_is_a_plain_answer(
    engine: AsyncEngine, database_url: str
) -> None:
    await archived(engine, database_url, story(customers=3, days=30))
    run = await runs.ask(engine, FIT, by=make_actor("kim"), now=NOW)

    done = await executed(engine, database_url, run)

    assert done.state == "done"
    assert done.result is not None
    assert (done.result["model"], done.result["reason"], done.result["scorecard"]) == (
        "prior",
        "no_evidence",
        None,
    )


@pytest.mark.parametrize("wanted", [FIT, ReplayJob()], ids=["fit", "replay"])
async def test_a_cancelled_run_is_given_up_and_says_who_did_it(
    engine: AsyncEngine, wanted: RunRequest | ReplayJob
) -> None:
    await installed(engine)
    run = await runs.ask(engine, wanted, by=make_actor("kim"), now=NOW)
    with silent_database() as (url, _):  # the run can't be over before it is cancelled
        executing = asyncio.create_task(
            runs.execute_next(engine, url, worker_id="w", now=wall, stop=asyncio.Event())
        )
        await until(lambda: _is(engine, run, "running"))

        assert await runs.cancel(engine, run.id, by=make_actor("lee"), now=NOW)
        await executing

    found = await runs.find(engine, run.id)
    assert found is not None
    assert (found.state, found.failure) == ("failed", "Cancelled by lee.")
    assert await runs.cancel(engine, run.id, by=make_actor("lee"), now=NOW) is False
    assert await runs.cancel(engine, 999, by=make_actor("lee"), now=NOW) is None


async def _is(engine: AsyncEngine, run: Run, state: str) -> bool:
    found = await runs.find(engine, run.id)
    return found is not None and found.state == state


async def lease_ends(engine: AsyncEngine, run: Run) -> None:
    async with engine.begin() as conn:
        await conn.execute(
            text("update lab_runs set runner_until = now() - interval '1s' where id = :id"),
            {"id": run.id},
        )


async def test_the_next_runner_begins_anew_what_a_killed_one_left_until_it_was_lost_too_often(
    engine: AsyncEngine,
) -> None:
    await installed(engine)
    run = await runs.ask(engine, FIT, by=make_actor("kim"), now=NOW)
    await runs.ask(engine, FIT, by=make_actor("kim"), now=NOW)

    async with engine.begin() as conn:
        first = await stored.claim(conn, "w1", 60)
    async with engine.begin() as conn:
        assert await stored.claim(conn, "w2", 60) is None  # one at a time
    for attempt in (2, 3):
        await lease_ends(engine, run)
        async with engine.begin() as conn:
            again = await stored.claim(conn, "w2", 60)
        assert again is not None
        assert (again.id, again.attempts) == (run.id, attempt)
        async with engine.begin() as conn:
            assert not await stored.renew(conn, run.id, "w1", 60, "fitting", 0.5)
    await lease_ends(engine, run)
    async with engine.begin() as conn:
        other = await stored.claim(conn, "w3", 60)

    assert first is not None
    assert other is not None
    assert other.id != run.id
    lost = await runs.find(engine, run.id)
    assert lost is not None
    assert lost.state == "failed"
    assert "ended 3 times" in str(lost.failure)


async def test_a_run_that_a_shutdown_interrupts_waits_for_the_next(
    engine: AsyncEngine, database_url: str
) -> None:
    await installed(engine)
    run = await runs.ask(engine, FIT, by=make_actor("kim"), now=NOW)
    stop = asyncio.Event()
    stop.set()

    await runs.execute_next(engine, database_url, worker_id="w", now=wall, stop=stop)

    found = await runs.find(engine, run.id)
    assert found is not None
    assert (found.state, found.attempts) == ("queued", 0)


@contextmanager
def silent_database() -> Iterator[tuple[str, socket.socket]]:
    """The address of a database that takes connections and says nothing, and its socket."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing", silent


def test_the_process_of_a_run_ends_with_whoever_watches_it() -> None:
    with silent_database() as (url, silent):
        task = {"url": url, "live_document": "", "wanted": {"kind": "fit"}}
        process = subprocess.Popen(
            [sys.executable, "-m", worker_process.MODULE], stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()
        connection, _ = silent.accept()  # kept open: it waits for a database that says nothing

        with connection:
            process.stdin.close()

            assert process.wait(PATIENCE_SECONDS) == 1
