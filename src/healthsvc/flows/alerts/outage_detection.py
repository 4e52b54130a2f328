"""Detects outages of event sources: compares recent traffic with the usual traffic, and alerts the
operator once for each fall.

Any number of processing roles look; one at a time decides. Alerts that say of a customer that
something didn't happen are held by the flush that raises them (store.processing.decisions) while a
guard concerns the customer, and told here afterwards.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import DEFAULT
from healthsvc.core.outages import detect
from healthsvc.core.outages import traffic as habit
from healthsvc.core.outages.detect import Detection, Fall, Guard
from healthsvc.core.outages.traffic import HOUR_US, MINUTE_US, Habit
from healthsvc.core.phrases import alerts
from healthsvc.flows import operations_alerts
from healthsvc.flows.alerts import alerted_customers
from healthsvc.flows.changes import record
from healthsvc.store.alerts import outages, traffic
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.alerts.outages import Look
from healthsvc.store.customers import customer_summary
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.telemetry import ALERTS, GUARDS, LogEvent
from healthsvc.wire.webhooks.alerts import ALERT_RAISED, raised

KIND: Final = "fleet_guard"
LOOK_SECONDS: Final = 5.0
RELEASED_AT_ONCE: Final = 500
MOST_SCOPES: Final = 200
KEPT: Final = timedelta(hours=25)

log = structlog.get_logger()


async def look(
    engine: AsyncEngine, now: datetime, every_seconds: float = 0.8 * LOOK_SECONDS
) -> Detection | None:
    """Check traffic up to the last whole minute that was read completely; None if it isn't this
    worker's turn or nothing has been read yet. A minute is judged once; alerts that need wait no
    longer are told at each look."""
    async with engine.begin() as conn:
        last_look = await outages.turn(conn, every_seconds)
        through = await customer_summary.as_of(conn)
        if last_look is None or through is None:
            return None
        for scope in await outages.dismiss_settled(conn, now):
            log.info(LogEvent.GUARD_ENDED, scope=scope, why="dismissed")
        minute_us = to_us(through) // MINUTE_US * MINUTE_US
        detection = Detection()
        if last_look.judged_at is None or to_us(last_look.judged_at) < minute_us:
            detection = await _judge(conn, last_look, minute_us, now)
        await _release(conn, through, now)
    return detection


async def _judge(
    conn: AsyncConnection, last_look: Look, minute_us: int, now: datetime
) -> Detection:
    standing = await outages.standing(conn)
    baselines, learnt_us = await _learn(
        conn, await traffic.baselines(conn), last_look.learnt_through, minute_us
    )
    came = await traffic.by_minute(conn, from_us(minute_us), detect.LOOKED_BACK)
    detection = detect.detect_falls(baselines, came, standing, minute_us)
    for end in detection.ends:
        await _end(conn, next(g for g in standing if g.scope == end.scope), end.why, minute_us, now)
    for fall in detection.falls:
        await _begin(conn, fall, minute_us, now)
    await traffic.forget_before(conn, from_us(minute_us) - KEPT)
    await outages.note_look(conn, from_us(minute_us), from_us(learnt_us))
    GUARDS.set(len(standing) + len(detection.falls) - len(detection.ends))
    return detection


async def _learn(
    conn: AsyncConnection, baselines: dict[str, Habit], through: datetime | None, minute_us: int
) -> tuple[dict[str, Habit], int]:
    """The habits with the hours that are over by now, and up to when hours are learnt.

    Hours in which something had fallen teach nothing; neither do those in which nothing at all came
    though it usually does: then we weren't there ourselves.
    """
    begin_us = -(-minute_us // HOUR_US) * HOUR_US if through is None else to_us(through)
    begin_us = max(begin_us, (minute_us - detect.LOOKED_BACK * MINUTE_US) // HOUR_US * HOUR_US)
    learnt = dict(baselines)
    while begin_us + HOUR_US <= minute_us:
        end_us = begin_us + HOUR_US
        hour = await traffic.between(conn, from_us(begin_us), from_us(end_us))
        fleet = learnt.get(detect.FLEET)
        usual = 0.0 if fleet is None else habit.expected(fleet, begin_us, end_us) or 0.0
        away = usual >= 1.0 and not hour.get(detect.FLEET)
        if not away and not await outages.held_during(conn, from_us(begin_us), from_us(end_us)):
            for scope in sorted({*learnt, *list(hour)[: max(0, MOST_SCOPES - len(learnt))]}):
                learnt[scope] = habit.learnt(
                    learnt.get(scope) or habit.new_habit(), begin_us, hour.get(scope, 0.0)
                )
        begin_us = end_us
    await traffic.keep_habits(
        conn, {scope: h for scope, h in learnt.items() if baselines.get(scope) is not h}
    )
    return learnt, begin_us


async def _begin(conn: AsyncConnection, fall: Fall, minute_us: int, now: datetime) -> None:
    got, usual, minutes = fall.traffic
    trouble = Trouble(
        kind=KIND,
        scope=fall.scope,
        severity="warning" if fall.scope.startswith(detect.SEGMENT) else "critical",
        summary=alerts.fleet_guard(DEFAULT, fall.scope, got, usual, minutes),
        onset_at=from_us(fall.since_us),
        detail={"came": round(got, 1), "usual": round(usual, 1), "window_minutes": minutes},
    )
    alert = await operations_alerts.raise_alert(conn, trouble, now)
    if alert is not None:
        await outages.begin(conn, fall.scope, from_us(fall.since_us), from_us(minute_us), alert.id)
        log.warning(LogEvent.GUARD_BEGAN, scope=fall.scope, came=got, usual=usual, minutes=minutes)


async def _end(
    conn: AsyncConnection, guard: Guard, why: detect.Why, minute_us: int, now: datetime
) -> None:
    until = minute_us if why == "wider" else detect.holds_until(guard.since_us, minute_us)
    await outages.end(conn, guard.scope, from_us(minute_us), why, from_us(until))
    await operations_alerts.resolve_alert(conn, KIND, guard.scope, now)
    if why == "new_habit":
        await traffic.drop_baselines(conn, None if guard.scope == detect.FLEET else [guard.scope])
    log.info(LogEvent.GUARD_ENDED, scope=guard.scope, why=why)


async def _release(conn: AsyncConnection, through: datetime, now: datetime) -> None:
    """Send the inhibited alerts whose condition still holds."""
    released = await outages.release(conn, through, RELEASED_AT_ONCE)
    if not released:
        return
    ids = {str(alert.customer_id) for alert in released}
    customers = await alerted_customers.read(conn, sorted(ids), now)
    changes = []
    for alert in released:
        customer = customers[str(alert.customer_id)]
        data = raised(alert, customer.object, alert.detail)
        changes.append(customer.change(ALERT_RAISED, data))
    await record.record(conn, changes)
    for alert in released:
        ALERTS.labels(alert.kind, "raised").inc()
