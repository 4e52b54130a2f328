"""Which measures of the live scorecard are still fed: one that isn't is a slip in it, or a source
that has stopped.

Whoever asks for the scorecards' status is told; so that nobody need ask, an operations alert says
it as well.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import DEFAULT
from healthsvc.core.phrases import alerts
from healthsvc.flows import operations_alerts
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import customer_homes, states
from healthsvc.store.projections import building, live_projection
from healthsvc.wire.scorecards.document import Compiled, compile_document

SPAN: Final = timedelta(days=30)
KIND: Final = "measures_unfed"
SCOPE: Final = "scorecard"
PAGE: Final = 2_000
MOST: Final = 100_000
"""Customers that are looked at; a measure that feeds none of so many is told as not fed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureCoverage:
    """A measure, and when an event last fed it; where `fed`, at least so late."""

    measure: str
    fed: bool
    last_event_at: datetime | None


def trouble_of(coverage: Sequence[MeasureCoverage], live_since: datetime) -> Trouble | None:
    """The operations alert about measures that no event has fed for 30 days; None if all are fed.

    Its onset is when the last of them ceased, so a person who has settled it isn't told again until
    another one does. live_since: from when on those count that never were fed.
    """
    unfed = [f for f in coverage if not f.fed]
    if not unfed:
        return None
    onset = max(live_since if f.last_event_at is None else f.last_event_at + SPAN for f in unfed)
    return Trouble(
        kind=KIND,
        scope=SCOPE,
        severity="info",
        summary=alerts.measures_unfed(DEFAULT, [f.measure for f in unfed], SPAN.days),
        onset_at=onset,
        detail={
            f.measure: None if f.last_event_at is None else f.last_event_at.isoformat()
            for f in unfed
        },
    )


async def watch(engine: AsyncEngine, now: datetime) -> None:
    """Raise or resolve the operations alert about measures that aren't fed; not before there are 30
    days to look at."""
    async with engine.connect() as conn:
        oldest = await customer_homes.oldest(conn)
    if oldest is None or now - oldest < SPAN:
        return
    coverage, _ = await measures(engine, now)
    trouble = trouble_of(coverage, oldest)
    async with engine.begin() as conn:
        if trouble is None:
            await operations_alerts.resolve_alert(conn, KIND, SCOPE, now)
        else:
            await operations_alerts.raise_alert(conn, trouble, now)


async def measures(engine: AsyncEngine, now: datetime) -> tuple[Sequence[MeasureCoverage], int]:
    """Measures in declared order with their newest event, and how many customers were examined.

    Looks until each measure is known to be fed, or `MOST` customers were looked at.
    """
    async with engine.connect() as conn:
        live = await live_projection.live(conn)
    compiled = compile_document(live.document)
    newest, since_us, after, looked_at = np.zeros(compiled.program.width), to_us(now - SPAN), -1, 0
    while (newest < since_us).any() and looked_at < MOST:
        async with engine.begin() as conn:
            await conn.exec_driver_sql("select 1")
            keys = await building.customers(conn, live.id, after, PAGE)
            loaded = await states.by_keys(conn, live.id, keys)
        if not keys:
            break
        newest = np.maximum(newest, await asyncio.to_thread(_newest, compiled, loaded))
        after, looked_at = keys[-1], looked_at + len(keys)
    coverage = [
        MeasureCoverage(
            measure=name, fed=us >= since_us, last_event_at=from_us(us) if us > 0 else None
        )
        for name, us in zip(compiled.program.measures, newest.tolist(), strict=True)
    ]
    return coverage, looked_at


def _newest(
    compiled: Compiled, stored: Sequence[Stored]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The newest instant in each measure, 0 where there is none."""
    table = States(compiled.program, len(stored) or 1)
    rows = table.load([f for f in stored if f.state is not None])
    if not len(rows):
        return np.zeros(compiled.program.width)
    newest: np.ndarray[tuple[int], np.dtype[np.float64]] = table.cells[
        rows, :, table.count_field + 1
    ].max(axis=0)
    return newest
