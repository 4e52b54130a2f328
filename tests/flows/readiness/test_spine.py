"""Loops of their own, processing, delivering and appending, report to the same registry, and recover."""

import asyncio
import json
from datetime import timedelta

import pytest

from healthsvc.core.delivery import Answer, Outcome, Outgoing
from healthsvc.flows.delivery.deliver import CLAIMING, RECORDING, Deliverer
from healthsvc.flows.intake.append import Appender, AppendFailed
from healthsvc.flows.portfolio import figures
from healthsvc.flows.portfolio.figures import FRESHENING
from healthsvc.flows.processing.worker import STEP, Processor
from healthsvc.flows.readiness.progress import Progress
from healthsvc.flows.readiness.steps import ON_DEMAND, Step, Steps
from healthsvc.log.table import TableInput
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.listen import Listener
from tests.flows.readiness.limited import limited, run
from tests.flows.spine import applied, installed, wall
from tests.store.delivery.outbox import VAULT, enqueue, make_endpoint, make_message
from tests.support.makers import make_event
from tests.support.waiting import until

EVENT = ("acme", json.dumps(make_event(customer_id="acme")))
BREAKS = "create function breaks() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$"
EACH = "for each statement execute function breaks()"


def step_of(steps: Steps, name: str) -> Step:
    return next(step for step in steps.all() if step.name == name)


async def test_folding_that_cannot_be_written_is_counted_as_failing_and_nothing_is_skipped(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, steps, stop = await installed(engine), Steps(), asyncio.Event()
    progress = Progress(0.5, metrics=False)
    async with Listener(database_url) as listener:
        source = TableInput(engine, listener, progress)
        processor = Processor(engine, [source], worker_id="w", topic="", now=wall, steps=steps, progress=progress)
        running = asyncio.create_task(processor.run(stop))
        await until(lambda: len(progress.held()) == 4)
        await run(engine, BREAKS, f"create trigger breaks before update of table_offset on partitions {EACH}")
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
    ("name", "table", "right"), [(CLAIMING, "deliveries", "select"), (RECORDING, "attempts", "insert")]
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
            wake=listener,
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


async def test_appends_that_fail_are_counted_until_one_succeeds(engine: AsyncEngine, database_url: str) -> None:
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
        processor = Processor(engine, [TableInput(engine, listener)], worker_id="w", topic="", now=wall)
        running = asyncio.create_task(processor.run(stop))
        await appender.append([EVENT])
        await until(lambda: has_applied(engine, 1))
        step = Step(FRESHENING, ON_DEMAND)

        async def asked() -> figures.Portfolio:
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


async def has_applied(engine: AsyncEngine, events: int) -> bool:
    return await applied(engine) == events
