"""The step `readiness` of every process: checks the database, exchanges failures with the other
processes, and alerts the operator.

Each process reports its own failing checks in a table, so that a neighbour can list them. An
operations alert is open while any process reports its cause: whoever can still write raises it, and
resolves it. A process that died is seen by the others, since its partitions stay without an owner.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from healthsvc.flows import operations_alerts
from healthsvc.flows.readiness.check import KINDS, Check
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine, autocommit_connection
from healthsvc.store.database.outage import is_outage
from healthsvc.store.readiness import check_reports
from healthsvc.store.readiness.check_reports import CheckReport
from healthsvc.telemetry import FAILED_CHECKS, LogEvent

LOOK_SECONDS: Final = 5.0
CONFIRM_SECONDS: Final = 4.0
"""What passes by the next look isn't worth an alert."""
HOLDS_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 20.0

log = structlog.get_logger(__name__)


async def look(engine: AsyncEngine, readiness: Readiness, now: datetime) -> None:
    """Note the database's state, exchange reports with the other processes, and settle the
    alerts."""
    async with asyncio.timeout(ANSWER_SECONDS):
        async with autocommit_connection(engine) as conn:
            mistakes = await _ask(conn, readiness)
            something = await check_reports.something_to_settle(conn, KINDS)
        failing = readiness.failing()
        _measure(failing)
        if failing or something:
            await _exchange(engine, readiness, failing, now)
        else:
            readiness.neighbours = ()
    if mistakes:
        raise mistakes[0]


async def _ask(conn: AsyncConnection, readiness: Readiness) -> list[Exception]:
    """Each question by itself: what one of them breaks at must not hide the others' answers. Raises
    outages."""
    mistakes: list[Exception] = []
    for question in (_ask_for_partitions, _ask_for_the_ledger):
        try:
            await question(conn, readiness)
        except Exception as error:
            if is_outage(error):
                raise
            mistakes.append(error)
    return mistakes


async def _ask_for_partitions(conn: AsyncConnection, readiness: Readiness) -> None:
    readiness.note_partitions(await check_reports.partitions(conn))


async def _ask_for_the_ledger(conn: AsyncConnection, readiness: Readiness) -> None:
    readiness.note_ledger(await check_reports.ledger(conn))


async def _exchange(
    engine: AsyncEngine, readiness: Readiness, failing: Sequence[Check], now: datetime
) -> None:
    """Report this process's failures, read the others', and settle the alerts."""
    async with engine.begin() as conn:
        await check_reports.alone(conn)
        await check_reports.report(
            conn, readiness.process, [_report(readiness, c) for c in failing], HOLDS_SECONDS
        )
        reports = await check_reports.reports(conn, CONFIRM_SECONDS)
        await _settle(conn, reports, now)
    readiness.neighbours = [r for r in reports if r.process != readiness.process]


def _measure(failing: Sequence[Check]) -> None:
    for kind in KINDS:
        FAILED_CHECKS.labels(kind).set(sum(check.kind == kind for check in failing))


def _report(readiness: Readiness, check: Check) -> CheckReport:
    return CheckReport(
        process=readiness.process,
        kind=check.kind,
        scope=check.scope,
        severity=check.severity,
        summary=check.sentence,
        detail=check.detail,
        since=check.since,
    )


async def _settle(conn: AsyncConnection, reports: Sequence[CheckReport], now: datetime) -> None:
    """Raise an alert for each reported cause, and resolve those whose cause is no longer
    reported."""
    causes: dict[tuple[str, str], CheckReport] = {}
    for report in reports:
        if report.confirmed:
            causes.setdefault((report.kind, report.scope), report)
    for kind, scope in await check_reports.open_alerts(conn, KINDS):
        if not any((r.kind, r.scope) == (kind, scope) for r in reports):
            await operations_alerts.resolve_alert(conn, kind, scope, now)
            log.info(LogEvent.CHECK_PASSED, kind=kind, scope=scope)
    for report in causes.values():
        trouble = Trouble(
            kind=report.kind,
            scope=report.scope,
            severity=report.severity,
            summary=report.summary,
            onset_at=report.since,
            detail={"process": report.process, **report.detail},
        )
        if await operations_alerts.raise_alert(conn, trouble, now) is not None:
            log.warning(
                LogEvent.CHECK_FAILED, kind=report.kind, scope=report.scope, why=report.summary
            )
