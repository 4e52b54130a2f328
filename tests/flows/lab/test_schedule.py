"""What the lab does by itself: refits at an interval, and an alarm when outcomes disagree with the
live model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from healthsvc.core.instants import to_us
from healthsvc.flows.lab import schedule
from healthsvc.flows.lab.fit import scorecard_with
from healthsvc.flows.lab.run import RunRequest, execute
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.lab.schedule import Schedule
from healthsvc.wire.scorecards.document import default_document
from tests.flows.lab import logs
from tests.flows.projections.test_ship_gate import RULES
from tests.flows.spine import installed, rows, scalar
from tests.support.makers import make_actor

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
FITTED = scorecard_with(default_document(), RULES)


async def kinds(engine: AsyncEngine) -> list[str]:
    return [r.kind for r in await rows(engine, "select kind from lab_runs order by id")]


async def test_a_refit_is_asked_for_once_a_month_and_only_if_somebody_wants_it(
    engine: AsyncEngine,
) -> None:
    await installed(engine)
    await schedule.ask_for_what_is_due(engine, NOW)
    assert await kinds(engine) == []

    options = {"outcome": "silence", "horizon_days": 14.0}
    await schedule.change(
        engine,
        Schedule(refit="monthly", drift="weekly", options=options),
        by=make_actor("kim"),
        now=NOW,
    )
    for days in (0, 1, 29, 30, 31):
        await schedule.ask_for_what_is_due(engine, NOW + timedelta(days=days))

    assert await kinds(engine) == ["fit", "fit"]
    asked = await rows(
        engine, "select requested_by, options ->> 'outcome' as outcome from lab_runs"
    )
    assert {(r.requested_by, r.outcome) for r in asked} == {("schedule", "silence")}


async def test_a_fitted_model_is_watched_weekly_without_being_asked(engine: AsyncEngine) -> None:
    await installed(engine)
    async with engine.begin() as conn:
        await conn.execute(text("update scorecards set document = :document"), {"document": FITTED})

    for days in (0, 6, 7, 8):
        await schedule.ask_for_what_is_due(engine, NOW + timedelta(days=days))

    assert await kinds(engine) == ["drift", "drift"]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return logs.write_events(
        tmp_path_factory.mktemp("drift") / "e.csv.gz", logs.make_log(customers=250).events
    )


def drift(events: Path, document: str, since_us: int = 0) -> dict[str, Any]:
    wanted = RunRequest(kind="drift", outcome="silence")
    return execute(events, wanted, document, lambda *_: None, live_since_us=since_us)[0]


def test_outcomes_that_the_model_does_not_expect_are_an_alarm(events: Path) -> None:
    rarely = scorecard_with(
        default_document(), replace(RULES, model=replace(RULES.model, intercept=-4.0))
    )
    first = drift(events, rarely)["drift"]
    level = -4.0 + first["intercept_off_by"]
    rightly = scorecard_with(
        default_document(), replace(RULES, model=replace(RULES.model, intercept=level))
    )

    assert first["alarm"]
    assert first["happened"] > 2 * first["told"]
    assert not drift(events, rightly)["drift"]["alarm"]


def test_only_outcomes_that_came_after_the_model_went_live_are_watched(events: Path) -> None:
    since = logs.START_US + 200 * 86_400_000_000

    every, later = drift(events, FITTED)["drift"], drift(events, FITTED, since)["drift"]

    assert 0 < later["rows"] < every["rows"]
    assert drift(events, FITTED, to_us(NOW))["drift"] is None
    assert "matured" in drift(events, FITTED, to_us(NOW))["detail"]
    assert "ranking" in drift(events, default_document())["detail"]


async def test_the_alert_lasts_as_long_as_outcomes_disagree_and_tells_once(
    engine: AsyncEngine,
) -> None:
    await installed(engine)
    off = {"alarm": True, "intercept_off_by": 0.8, "rows": 900, "told": 0.02, "happened": 0.05}
    for found in (off, off, off | {"alarm": False}):
        async with engine.begin() as conn:
            await schedule.settle(conn, {"drift": found}, NOW)

    (alert,) = await rows(engine, "select kind, scope, state, summary from alerts")
    assert (alert.kind, alert.scope, alert.state) == ("model_drift", "model", "resolved")
    assert "expected 2.0% to leave, and 5.0% did" in alert.summary
    assert (
        await scalar(engine, "select count(*) from changes where type like 'operations.alert.%'")
        == 2
    )
