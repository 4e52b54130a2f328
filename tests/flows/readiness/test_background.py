"""Every background step fails for real, is told, and recovers by itself once its fault is
mended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from healthsvc.flows.readiness import watch
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.runtime.run_every import Periodic, run_all
from healthsvc.settings import Settings
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.telemetry import STEP_FAILURES
from healthsvc.wiring.background import delivering_steps, processing_steps
from healthsvc.wiring.readiness import readiness_steps
from tests.flows.readiness.limited import limited, run
from tests.flows.spine import installed, rows, wall
from tests.support.waiting import until

PACE = 0.03
"""Waits are so much shorter."""


@dataclass(frozen=True)
class Fault:
    """What breaks a step, and what mends it; {role} is who runs it."""

    breaks: tuple[str, ...]
    mends: tuple[str, ...]


def no_right(table: str, right: str = "select") -> Fault:
    return Fault(
        (f"revoke {right} on {table} from {{role}}",), (f"grant {right} on {table} to {{role}}",)
    )


def raising(table: str, event: str, sqlstate: str) -> Fault:
    """A trigger that raises."""
    return Fault(
        (
            (
                "create function breaks() returns trigger language plpgsql as"
                f" $$ begin raise exception 'broken' using errcode = '{sqlstate}'; end $$"
            ),
            (
                f"create trigger breaks before {event} on {table} for each statement execute"
                " function breaks()"
            ),
        ),
        (f"drop trigger breaks on {table}",),
    )


FAULTS = {
    "retention.changes": no_right("change_heads"),
    "projections.build": no_right("projections"),
    "projections.clear": no_right("projections"),
    "lab.schedule": no_right("lab_schedule"),
    "lab.runs": no_right("lab_runs"),
    "fleet_guard": raising("guard_watch", "update", "P0001"),
    "measures.fed": no_right("customers"),
    "ledger": raising("ledger_marks", "insert or update", "P0001"),
    "retention.archive": Fault(
        (
            (
                "create table archive_20200101 partition of archive for values from ('2020-01-01')"
                " to ('2020-01-02')"
            ),
        ),
        ("alter table archive_20200101 owner to {role}",),
    ),
    "retention.log": no_right("log_entries", "select, delete"),
    "deliveries.age": no_right("endpoints"),
    "deliveries.sweep": no_right("messages", "select, delete"),
    "readiness": no_right("log_heads"),
}


def all_steps(
    engine: AsyncEngine, url: str, readiness: Readiness, stop: asyncio.Event
) -> Sequence[Periodic]:
    settings = Settings(archive_retention_days=30)
    return (
        *processing_steps(engine, url, settings, "w1", stop),
        *delivering_steps(engine),
        *readiness_steps(engine, readiness),
    )


def a_readiness() -> Readiness:
    return Readiness(process="here", roles=frozenset({"api", "process", "deliver"}))


async def test_each_step_that_is_run_has_a_fault_in_the_table(
    engine: AsyncEngine, database_url: str
) -> None:
    assert {
        each.name for each in all_steps(engine, database_url, a_readiness(), asyncio.Event())
    } == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_step_that_fails_is_told_and_recovers_by_itself(
    name: str, engine: AsyncEngine, database_url: str
) -> None:
    await installed(engine)
    readiness, stop = a_readiness(), asyncio.Event()
    async with limited(engine, database_url) as (worker, role):
        await run(engine, *(each.format(role=role) for each in FAULTS[name].breaks))
        steps = [
            each for each in all_steps(worker, database_url, readiness, stop) if each.name == name
        ]
        running = asyncio.create_task(run_all(steps, readiness.steps, stop, pace=PACE))
        try:
            await until(lambda: any(step.fails for step in readiness.steps.all()))
            assert STEP_FAILURES.labels(name)._value.get() >= 3
            assert f"/step_failing/{name}" in readiness.verdict().sentences
            await until(lambda: _alert(engine, readiness, name, "open"))

            await run(engine, *(each.format(role=role) for each in FAULTS[name].mends))

            await until(lambda: not any(step.failures for step in readiness.steps.all()))
            assert readiness.verdict().sentences == {}
            await until(lambda: _alert(engine, readiness, name, "resolved"))
            assert not running.done()
        finally:
            stop.set()
            await running


async def _alert(engine: AsyncEngine, readiness: Readiness, scope: str, state: str) -> bool:
    """Whether the next look finds or makes an alert about the step that is in that state."""
    await watch.look(engine, readiness, wall())
    found = await rows(
        engine,
        "select state from alerts where kind = 'step_failing' and scope = :scope",
        scope=scope,
    )
    return [row.state for row in found] == [state]


async def test_a_disk_that_is_nearly_full_is_told_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readiness = Readiness(process="here", roles=frozenset({"api"}), data_dir=tmp_path)
    assert readiness.verdict().sentences == {}

    monkeypatch.setattr("healthsvc.flows.readiness.checks.LEAST_FREE_BYTES", 1 << 60)

    assert "MiB are free" in readiness.verdict().sentences["/disk_low/data_dir"]
    assert readiness.verdict().ready
