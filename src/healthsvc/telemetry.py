"""What we say about ourselves: log lines as structured events, and metrics. All names are declared
here, once."""

import logging
import sys
from enum import StrEnum
from typing import Literal, TextIO

import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, Processor, WrappedLogger


class LogEvent(StrEnum):
    """Names of log lines: one line per unit of work, at its end."""

    SERVICE_STARTED = "service.started"
    SERVICE_STOPPING = "service.stopping"
    SERVICE_STOPPED = "service.stopped"
    SETTING_UNKNOWN = "setting.unknown"
    ROLE_STARTED = "role.started"
    ROLE_STOPPED = "role.stopped"
    ROLE_DIED = "role.died"
    ROLE_SLOW = "role.slow_to_stop"
    POSTGRES_STARTED = "postgres.started"
    POSTGRES_WAITING = "postgres.waiting"
    POSTGRES_ORPHAN = "postgres.orphan_stopped"
    POSTGRES_STOPPED = "postgres.stopped"
    SCORECARD_KEPT = "scorecard.level_measures"
    STATES_UNREADABLE = "states.unreadable"
    STATES_FORMER = "states.former"
    PROJECTION_BUILDING = "projection.building"
    PROJECTION_LIVE = "projection.live"
    PROJECTION_GIVEN_UP = "projection.given_up"
    PROJECTION_CLEARED = "projection.cleared"
    GUARD_BEGAN = "guard.began"
    GUARD_ENDED = "guard.ended"
    LAB_RUN_ENDED = "lab_run.ended"
    SCHEMA_MIGRATED = "schema.migrated"
    DATABASE_WARMED = "database.warmed"
    DATABASE_COLD = "database.stays_cold"
    REQUEST = "http.request"
    REQUEST_FAILED = "http.request_failed"
    PARTITION_TAKEN = "partition.taken"
    PARTITION_GIVEN_UP = "partition.given_up"
    PARTITION_PAUSED = "partition.paused"
    FLUSHED = "flush.committed"
    FLUSH_FENCED = "flush.fenced"
    FLUSH_FAILED = "flush.failed"
    TIMERS_DECIDED = "timers.decided"
    TIMER_POSTPONED = "timer.postponed"
    RECORDS_REJECTED = "records.rejected"
    RECORD_QUARANTINED = "record.quarantined"
    LOG_READER_RESTARTED = "log.reader_restarted"
    LOG_OFFSET_LOST = "log.offset_lost"
    LOG_UNREACHABLE = "log.unreachable"
    LOG_READ_CAREFULLY = "log.read_carefully"
    DELIVERY_ATTEMPTED = "delivery.attempted"
    DELIVERER_FAILED = "deliverer.failed"
    ENDPOINT_DISABLED = "endpoint.disabled"
    HOUSEKEEPING = "housekeeping.done"
    STEP_FAILED = "step.failed"
    STEP_RECOVERED = "step.recovered"
    CHECK_FAILED = "check.failed"
    CHECK_PASSED = "check.passed"


FAST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LATENCY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
BATCH_EVENTS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000)

EVENTS = Counter(
    "healthsvc_events_total",
    "Events read from the log, by source kind (kafka, table) and what became of them (applied, "
    "duplicate, forwarded, rejected).",
    ["source_kind", "result"],
)
INGEST_TO_SCORE = Histogram(
    "healthsvc_ingest_to_score_seconds",
    "From an event's entry into the log to the commit of the score that counts it.",
    buckets=LATENCY_SECONDS,
)
EVENT_TO_WEBHOOK = Histogram(
    "healthsvc_event_to_webhook_seconds",
    "From the entry of the causing event into the log to a receiver's 2xx at the first attempt.",
    buckets=LATENCY_SECONDS,
)
LOG_LAG = Gauge(
    "healthsvc_log_lag_records",
    "Records of a partition of this worker that aren't counted yet: the log's end less the"
    " committed offset. NaN while the end isn't known; absent for partitions of other workers.",
    ["source_kind", "partition"],
)
STEP_SUCCESS = Gauge(
    "healthsvc_step_last_success_timestamp_seconds",
    "When a background step succeeded last, as Unix time.",
    ["step"],
)
STEP_FAILURES = Gauge(
    "healthsvc_step_consecutive_failures", "Failures in a row of a background step.", ["step"]
)
FAILED_CHECKS = Gauge(
    "healthsvc_failed_checks",
    "Checks of this process that fail now, by kind, as /readyz tells them.",
    ["kind"],
)
UNKNOWN_PAGES = Counter(
    "healthsvc_unknown_page_views_total",
    "Page views read from the log whose page no rule of the scorecard knows.",
)
FENCED_FLUSHES = Counter(
    "healthsvc_fenced_flushes_total",
    "Flushes refused since another worker owns the partition by now.",
)
LAST_PROGRESS = Gauge(
    "healthsvc_last_progress_timestamp_seconds", "When a flush was committed last, as Unix time."
)
FLUSH_SECONDS = Histogram(
    "healthsvc_flush_seconds", "Duration of a flush's transaction.", buckets=FAST_SECONDS
)
FLUSH_EVENTS = Histogram(
    "healthsvc_flush_events", "Events counted by one flush.", buckets=BATCH_EVENTS
)
OUTBOX_AGE = Gauge(
    "healthsvc_outbox_age_seconds", "Age of the oldest delivery that is due and not yet tried."
)
DELIVERY_ATTEMPTS = Counter(
    "healthsvc_delivery_attempts_total", "Webhook attempts by outcome.", ["outcome"]
)
DELIVERY_SLOTS = Gauge(
    "healthsvc_delivery_slots_in_use",
    "Running webhook attempts by the pool that they are counted in (proven, probation, failing,"
    " slow).",
    ["pool"],
)
PROBATION = Gauge(
    "healthsvc_endpoints_in_probation",
    "Webhook endpoints tried in the last hour that have few slots: new, slow or failed lately.",
)
TIMERS_POSTPONED = Counter(
    "healthsvc_timers_postponed_total",
    "Timers put off since their customer's decision failed twice running; each is tried again, ever"
    " more seldom.",
)
SOURCE_ITEMS = Counter(
    "healthsvc_source_items_total",
    "Items of calls of other systems by source and what became of them (accepted, waiting, ignored,"
    " rejected; trial where nothing is counted).",
    ["source", "outcome"],
)
SOURCE_REFUSALS = Counter(
    "healthsvc_source_refusals_total",
    "Calls of other systems that were refused whole, by source and reason (signature, malformed).",
    ["source", "reason"],
)
DEAD_LETTERS = Counter("healthsvc_dead_letters_total", "Records set aside, by reason.", ["reason"])
ALERTS = Counter(
    "healthsvc_alerts_total",
    "Alerts by kind and action (raised, escalated, acknowledged, resolved).",
    ["kind", "action"],
)
CHANGES = Counter(
    "healthsvc_changes_total",
    "Changes recorded for webhooks and the change feed, by type.",
    ["type"],
)
CHANGE_READERS = Gauge(
    "healthsvc_change_readers",
    "Requests that wait for changes now: long polls (poll) and streams (stream).",
    ["kind"],
)
GUARDS = Gauge(
    "healthsvc_fleet_guards",
    "Sources, segments or the fleet that have fallen at once: alerts of silence are held.",
)
HTTP_REQUESTS = Counter(
    "healthsvc_http_requests_total", "Requests answered.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "healthsvc_http_request_seconds",
    "Duration of requests.",
    ["method", "route"],
    buckets=FAST_SECONDS,
)

MODEL_DRIFT = Gauge(
    "healthsvc_model_drift_log_odds",
    "How far the fitted risk's level is off matured outcomes; above 0 more customers leave than it"
    " tells.",
)

METRICS = (
    EVENTS,
    INGEST_TO_SCORE,
    EVENT_TO_WEBHOOK,
    LOG_LAG,
    STEP_SUCCESS,
    STEP_FAILURES,
    FAILED_CHECKS,
    FENCED_FLUSHES,
    LAST_PROGRESS,
    FLUSH_SECONDS,
    FLUSH_EVENTS,
    OUTBOX_AGE,
    DELIVERY_ATTEMPTS,
    DELIVERY_SLOTS,
    PROBATION,
    DEAD_LETTERS,
    ALERTS,
    CHANGES,
    CHANGE_READERS,
    GUARDS,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    MODEL_DRIFT,
)


def _put_first(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """What one looks for stands at the beginning of the line."""
    return {name: event[name] for name in ("timestamp", "level", "event") if name in event} | dict(
        event
    )


def _as_json(event: EventDict, **_: object) -> str:
    """The line: half the time of the standard library's encoder, once for each request."""
    return msgspec.json.encode(event, enc_hook=repr).decode()


def configure_logging(
    *, level: str = "INFO", style: Literal["json", "console"] = "json", stream: TextIO | None = None
) -> None:
    """Send our lines and the libraries' to `stream` (standard error), one JSON object or one
    coloured line each."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _put_first,
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_as_json)]
        if style == "json"
        else [structlog.dev.ConsoleRenderer(colors=out.isatty())]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    foreign: list[Processor] = [structlog.stdlib.add_logger_name, *shared]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=foreign,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(
        max(logging.getLevelNamesMapping()[level.upper()], logging.WARNING)
        if level.upper() != "DEBUG"
        else "DEBUG"
    )


def metrics_reference() -> str:
    """A Markdown table of all metrics, for the documentation."""
    rows = ["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|"]
    for metric in METRICS:
        (family,) = metric.describe()
        total = "_total" if family.type == "counter" else ""
        labels = ", ".join(f"`{name}`" for name in metric._labelnames)
        rows.append(
            f"| `{family.name}{total}` | {family.type} | {labels} | {family.documentation} |"
        )
    return "\n".join(rows) + "\n"
