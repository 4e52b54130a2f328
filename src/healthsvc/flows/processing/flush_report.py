"""Metrics and the log line of a flush that was committed."""

from datetime import datetime
from typing import Final

import structlog

from healthsvc.core.alerts import RESOLVED
from healthsvc.core.instants import to_us
from healthsvc.flows.processing.flush import Flush, Written
from healthsvc.telemetry import (
    ALERTS,
    DEAD_LETTERS,
    FLUSH_EVENTS,
    FLUSH_SECONDS,
    INGEST_TO_SCORE,
    LAST_PROGRESS,
    LogEvent,
)

MICROSECONDS: Final = 1e6


def report_flush(
    flush: Flush, result: Written, *, seconds: float, oldest_us: int, now: datetime
) -> None:
    """Count what a flush wrote. oldest_us: when its oldest event was logged, 0 for none."""
    FLUSH_SECONDS.observe(seconds)
    FLUSH_EVENTS.observe(flush.events)
    LAST_PROGRESS.set_to_current_time()
    if oldest_us:
        INGEST_TO_SCORE.observe(max(0.0, (to_us(now) - oldest_us) / MICROSECONDS))
    for alert in result.raised:
        ALERTS.labels(alert.kind, "raised").inc()
    for alert in result.escalated:
        ALERTS.labels(alert.kind, "escalated").inc()
    for resolved in result.resolved:
        ALERTS.labels(resolved.kind, RESOLVED).inc()
    for letter in flush.letters:
        DEAD_LETTERS.labels(letter.reason).inc()
    structlog.get_logger().debug(
        LogEvent.FLUSHED,
        events=flush.events,
        states=flush.customers,
        seconds=round(seconds, 4),
        alerts=len(result.raised),
        dead_letters=len(flush.letters),
        handed_over=len(flush.forwarded),
    )
