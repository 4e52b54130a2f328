"""Loops of their own, processing, delivering and appending, report to the same registry, and
recover."""

import asyncio
import importlib
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

import healthsvc
from healthsvc.core.delivery import Answer, Outcome, Outgoing
from healthsvc.flows.delivery.deliver import CLAIMING, RECORDING, Deliverer
from healthsvc.flows.intake import append
from healthsvc.flows.intake.append import Appender, AppendFailed
from healthsvc.flows.portfolio import figures
from healthsvc.flows.portfolio.figures import FRESHENING
from healthsvc.flows.processing.worker import STEP, Processor
from healthsvc.flows.readiness import checks, watch
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.flows.readiness.progress import InputProgress
from healthsvc.flows.readiness.steps import ON_DEMAND, Step, Steps
from healthsvc.log.table import TableInput
from healthsvc.runtime.run_every import run_all
from healthsvc.settings import Settings
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.listen import Listener
from healthsvc.wiring.background import processing_steps
from tests.flows.readiness.limited import limited, run
from tests.flows.spine import applied, installed, processing, rows, wall
from tests.store.delivery.outbox import VAULT, enqueue, make_endpoint, make_message
from tests.support.makers import make_event
from tests.support.waiting import until

SOURCES = Path(healthsvc.__file__).parent
EVENT = ("acme", json.dumps(make_event(customer_id="acme")))
BREAKS = (
    "create function breaks() returns trigger language plpgsql as $$ begin raise exception"
    " 'broken'; end $$"
)
EACH = "for each statement execute function breaks()"


def step_of(steps: Steps, name: str) -> Step:
    return next(step for step in steps.all() if step.name == name)


async def test_folding_that_cannot_be_written_is_counted_as_failing_and_nothing_is_skipped(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, steps, stop = await installed(engine), Steps(), asyncio.Event()
    progress = InputProgress(0.5, metrics=False)
    async with Listener(database_url) as listener:
        source = TableInput(engine, listener, progress)
        processor = Processor(
            engine, [source], worker_id="w", topic="", now=wall, steps=steps, progress=progress
        )
        running = asyncio.create_task(processor.run(stop))
        await until(lambda: len(progress.owned()) == 4)
        await run(
            engine,
            BREAKS,
            f"create trigger breaks before update of table_offset on partitions {EACH}",
        )
        await appender.append([EVENT])
        await until(lambda: step_of(steps, STEP).fails)
        await until(lambda: [stall.source for stall in progress.stalled()] == ["table"])

        await run(engine, "drop trigger breaks on partitions")

        await until(lambda: not step_of(steps, STEP).failures)
        assert await applied(engine) == 1
        await until(lambda: progress.stalled() == [])
        stop.set()
        await running
    assert steps.all() == []


class Answering:
    """An endpoint that takes everything."""

    async def send(self, outgoing: Outgoing) -> Outcome:
        return Answer(status=200, seconds=0.0)


@pytest.mark.parametrize(
    ("name", "table", "right"),
    [(CLAIMING, "deliveries", "select"), (RECORDING, "attempts", "insert")],
)
async def test_deliveries_that_cannot_be_claimed_or_recorded_are_counted_as_failing(
    name: str, table: str, right: str, engine: AsyncEngine, database_url: str
) -> None:
    steps, stop = Steps(), asyncio.Event()
    async with limited(engine, database_url) as (worker, role), Listener(database_url) as listener:
        await run(engine, f"revoke {right} on {table} from {role}")
        deliverer = Deliverer(
            worker,
            Answering(),
            now=wall,
            notifications=listener,
            vault=VAULT,
            worker_id="w",
            chance=lambda: 0.5,
            steps=steps,
        )
        await make_endpoint(engine)
        await enqueue(engine, make_message())
        running = asyncio.create_task(deliverer.run(stop))
        await until(lambda: step_of(steps, name).fails)

        await run(engine, f"grant {right} on {table} to {role}")

        await until(lambda: not step_of(steps, name).failures)
        stop.set()
        await running


async def test_appends_that_fail_are_counted_until_one_succeeds(
    engine: AsyncEngine, database_url: str
) -> None:
    await installed(engine)
    async with limited(engine, database_url) as (worker, role):
        step = Step("events.append", ON_DEMAND)
        appender = Appender(worker, 4, step=step)
        await run(engine, f"revoke insert on log_entries from {role}")
        for _ in range(3):
            with pytest.raises(AppendFailed):
                await appender.append([EVENT])
        assert step.fails

        await run(engine, f"grant insert on log_entries to {role}")
        await appender.append([EVENT])

        assert not step.failures
        await appender.close()


async def test_a_portfolio_says_as_of_when_its_figures_are_while_its_ledger_stands(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, end = await installed(engine), wall() + timedelta(minutes=1)
    async with Listener(database_url) as listener:
        stop = asyncio.Event()
        processor = Processor(
            engine, [TableInput(engine, listener)], worker_id="w", topic="", now=wall
        )
        running = asyncio.create_task(processor.run(stop))
        await appender.append([EVENT])
        await until(lambda: has_applied(engine, 1))
        step = Step(FRESHENING, ON_DEMAND)

        async def asked() -> figures.PortfolioFigures:
            return await figures.portfolio(engine, end - timedelta(days=1), end, None, step)

        async def is_current() -> bool:
            found = await asked()
            return found.as_of is not None and not found.events_waiting

        await until(is_current)
        await run(
            engine,
            BREAKS,
            f"create trigger breaks before insert on ledger_customers {EACH}",
        )
        before = wall()
        await appender.append([("acme", json.dumps(make_event(customer_id="acme")))])
        await until(lambda: has_applied(engine, 2))
        found = await asked()
        assert found.events_waiting == 1
        assert found.as_of is not None
        assert found.as_of <= before
        assert step.failures == 1

        await run(engine, "drop trigger breaks on ledger_customers")

        found = await asked()
        assert found.events_waiting == 0
        assert not step.failures
        stop.set()
        await running


async def test_a_flush_that_a_lock_holds_up_is_slow_and_not_a_stall(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, stop = await installed(engine), asyncio.Event()
    readiness = Readiness(process="here", roles=frozenset({"process"}), stall_seconds=1.0)
    async with Listener(database_url) as listener:
        source = TableInput(engine, listener, readiness.progress)
        processor = Processor(
            engine, [source], worker_id="w", topic="", now=wall, progress=readiness.progress
        )
        running = asyncio.create_task(processor.run(stop))
        await until(lambda: len(readiness.progress.owned()) == 4)
        async with engine.begin() as conn:
            await conn.execute(text("lock table archive in exclusive mode"))
            await appender.append([EVENT])
            await until(lambda: list(readiness.verdict().sentences) == ["/flush_slow/workers"])
            assert readiness.verdict().ready
            await until(lambda: "/input_stalled/table" in readiness.verdict().sentences)
            assert not readiness.verdict().ready

        await until(lambda: readiness.verdict().sentences == {})
        assert await applied(engine) == 1
        stop.set()
        await running


async def test_a_ledger_that_takes_nothing_in_is_told_and_recovers(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "LEDGER_SECONDS", 0.5)
    readiness, stop = Readiness(process="here", roles=frozenset({"api"})), asyncio.Event()
    appender = await installed(engine)
    async with processing(engine, database_url, wall):
        await appender.append([EVENT])
        await until(lambda: has_applied(engine, 1))
    await until(lambda: ledger_alert(engine, readiness, "open"))
    assert "1 counted events" in readiness.verdict().sentences["/ledger_behind/portfolio"]
    assert readiness.verdict().ready

    (ledger,) = [
        s
        for s in processing_steps(engine, database_url, Settings(), "w", stop)
        if s.name == "ledger"
    ]
    running = asyncio.create_task(run_all([ledger], Steps(), stop, pace=0.01))

    await until(lambda: ledger_alert(engine, readiness, "resolved"))
    assert readiness.verdict().sentences == {}
    stop.set()
    await running


async def ledger_alert(engine: AsyncEngine, readiness: Readiness, state: str) -> bool:
    """Whether the next look finds or makes the alert in that state."""
    await watch.look(engine, readiness, wall())
    found = await rows(engine, "select state from alerts where kind = 'ledger_behind'")
    return [row.state for row in found] == [state]


REPORTING = {
    STEP: test_folding_that_cannot_be_written_is_counted_as_failing_and_nothing_is_skipped,
    CLAIMING: test_deliveries_that_cannot_be_claimed_or_recorded_are_counted_as_failing,
    RECORDING: test_deliveries_that_cannot_be_claimed_or_recorded_are_counted_as_failing,
    append.STEP: test_appends_that_fail_are_counted_until_one_succeeds,
    FRESHENING: test_a_portfolio_says_as_of_when_its_figures_are_while_its_ledger_stands,
}
"""What reports to the registry without being run by it, and the test that makes it fail and
recover."""


def test_each_loop_that_only_reports_is_made_to_fail_by_a_test() -> None:
    assert set(reporting_steps()) == REPORTING.keys()


def reporting_steps() -> Iterator[str]:
    """The names of all steps that are registered anywhere but in `run_every`."""
    for path in sorted(SOURCES.rglob("*.py")):
        if path.name == "run_every.py":
            continue
        module = ".".join(
            ("healthsvc", *path.relative_to(SOURCES).with_suffix("").parts)
        ).removesuffix(".__init__")
        for name in re.findall(r"steps\.register\(\s*([\w.\"]+)", path.read_text(encoding="utf-8")):
            yield str(getattr(importlib.import_module(module), name))


async def has_applied(engine: AsyncEngine, events: int) -> bool:
    return await applied(engine) == events
