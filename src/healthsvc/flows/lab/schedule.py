"""Schedules runs of the lab: refits at the operator's interval, and drift checks of the live model.

A refit publishes nothing: its run holds the scorecard, and its ship gate says whether it is good
enough. The watch holds outcomes that have matured since the model went live against what it tells;
where they disagree an operations alert says that it is time to refit, until a later watch finds
them agreeing.
"""

from dataclasses import asdict, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from healthsvc.core.actors import Actor
from healthsvc.core.languages import DEFAULT
from healthsvc.core.phrases import alerts
from healthsvc.flows import operations_alerts
from healthsvc.flows.lab.run import RunRequest
from healthsvc.store.admin import audit
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine, autocommit_connection
from healthsvc.store.lab import runs
from healthsvc.store.lab import schedule as lab_schedule
from healthsvc.store.lab.schedule import BY, Schedule
from healthsvc.store.projections import live_projection
from healthsvc.telemetry import MODEL_DRIFT
from healthsvc.wire.scorecards.document import compile_document

SCOPE: Final = "model"


async def read(engine: AsyncEngine) -> Schedule:
    async with engine.connect() as conn:
        return await lab_schedule.get(conn)


async def change(
    engine: AsyncEngine, new_schedule: Schedule, *, by: Actor, now: datetime
) -> Schedule:
    """Set what is done from now on."""
    schedule = replace(new_schedule, set_by=by.by, set_at=now)
    async with engine.begin() as conn:
        await lab_schedule.put(conn, schedule)
        detail = {"refit": schedule.refit, "drift": schedule.drift, **schedule.options}
        await audit.record(
            conn, now, actor=by, action="lab_schedule.changed", target="lab", detail=detail
        )
    return schedule


async def ask_for_what_is_due(engine: AsyncEngine, now: datetime) -> None:
    """Queue the runs that are due; safe to call from any number of processes."""
    async with autocommit_connection(engine) as conn:
        schedule = await lab_schedule.get(conn)
        if not [kind for kind in ("drift", "fit") if await _due(conn, schedule, kind, now)]:
            return
    async with engine.begin() as conn:
        await lab_schedule.ask_alone(conn)
        schedule = await lab_schedule.get(conn)
        for kind in ("drift", "fit"):
            if await _due(conn, schedule, kind, now):
                options = asdict(RunRequest(kind=kind, **schedule.options))
                options.pop("kind")
                await runs.ask(conn, kind, options, by=BY, now=now)


async def _due(conn: AsyncConnection, schedule: Schedule, kind: str, now: datetime) -> bool:
    every = schedule.every(kind)
    if every is None:
        return False
    last = await lab_schedule.last_asked(conn, kind)
    if last is not None and now - last < every:
        return False
    return kind == "fit" or await _can_drift(conn)


async def _can_drift(conn: AsyncConnection) -> bool:
    return _tells_a_level((await live_projection.live(conn)).document)


@lru_cache(maxsize=4)
def _tells_a_level(document: str) -> bool:
    """A ranking promises no level that could be off. Remembered: workers ask often, and reading
    YAML holds them up."""
    rules = compile_document(document).program.risk_rules
    return rules is not None and rules.model.kind != "ranking"


async def settle(conn: AsyncConnection, result: dict[str, Any], now: datetime) -> None:
    """Raise or resolve the alert by what a watch found, in the caller's transaction."""
    drift = result["drift"]
    if drift is None:
        return
    MODEL_DRIFT.set(drift["intercept_off_by"])
    if not drift["alarm"]:
        await operations_alerts.resolve_alert(conn, operations_alerts.MODEL_DRIFT, SCOPE, now)
        return
    summary = alerts.model_drift(DEFAULT, drift["rows"], drift["told"], drift["happened"])
    trouble = Trouble(
        kind=operations_alerts.MODEL_DRIFT,
        scope=SCOPE,
        severity="warning",
        summary=summary,
        onset_at=now,
        detail=drift,
    )
    await operations_alerts.raise_alert(conn, trouble, now)
