"""The registry of background steps: when each succeeded last, and how often it has failed in a row
since.

It lies below `runtime`, which runs the periodic ones, since the flows that keep a loop of their own
(processing, delivering) report to it as well. One registry is made in wiring for each process;
roles in other threads share it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from healthsvc.store.database.outage import Outage, cause_of, outage_of
from healthsvc.telemetry import STEP_FAILURES, STEP_SUCCESS, LogEvent

ON_DEMAND: Final = 0.0
"""The period of a step that runs when somebody asks."""
FAILURES_IN_A_ROW: Final = 3
PERIODS_LATE: Final = 3.0
LEAST_PATIENCE_SECONDS: Final = 30.0
MOST_PATIENCE_SECONDS: Final = 900.0
RECENT_SECONDS: Final = 60.0
_ERROR_LENGTH: Final = 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Again:
    """Returned by a step that has to run again sooner than its period."""

    after_seconds: float


@dataclass(slots=True)
class Step:
    """One background step. Its methods are called by whoever runs it; anybody may read it."""

    name: str
    period_seconds: float
    patience_seconds: float | None = None
    """How long a run may take without a sign of progress; None: three periods, within half a minute
    and 15 minutes."""
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    error: str | None = None
    outage: Outage | None = None
    """Where the last run failed on an outage of the database: which kind."""
    failing_since: datetime | None = None
    running: bool = False
    _progress_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._progress_at = self.clock()

    @property
    def on_demand(self) -> bool:
        """Whether it runs on request, without a period."""
        return self.period_seconds == ON_DEMAND

    @property
    def error_kind(self) -> str | None:
        """The kind of error of the last failed run; its message may name customers, and stays in
        the log."""
        return None if self.error is None else self.error.partition(":")[0]

    @property
    def patience(self) -> float:
        """The seconds after which it counts as standing still: within a run, or between two."""
        if self.running and self.patience_seconds is not None:
            return self.patience_seconds
        periods = max(PERIODS_LATE * self.period_seconds, LEAST_PATIENCE_SECONDS)
        return min(periods, MOST_PATIENCE_SECONDS) if self.running else periods

    @property
    def idle_seconds(self) -> float:
        """Seconds since its last success or sign of progress."""
        return self.clock() - self._progress_at

    @property
    def fails(self) -> bool:
        """Whether it has failed often enough in a row to report it."""
        return self.failures >= FAILURES_IN_A_ROW and self.is_recent

    @property
    def is_recent(self) -> bool:
        """Whether its last failure is still meaningful: an on-demand step that is no longer
        requested can't recover."""
        return not self.on_demand or self.idle_seconds < RECENT_SECONDS

    @property
    def stands_still(self) -> bool:
        """Whether it hasn't finished for several periods."""
        return not self.on_demand and self.idle_seconds > self.patience

    @property
    def still_since(self) -> datetime:
        """When it last showed progress."""
        return datetime.now(UTC) - timedelta(seconds=self.idle_seconds)

    def begin(self) -> None:
        """Note the begin of a run."""
        self.running = True
        self.progressed()

    def progressed(self) -> None:
        """Note that a long run goes on."""
        self._progress_at = self.clock()

    def succeeded(self) -> None:
        """Note a run that ended well."""
        if self.failures:
            log.info(LogEvent.STEP_RECOVERED, step=self.name, failures=self.failures)
        self.failures, self.error, self.outage, self.failing_since = 0, None, None, None
        self.running = False
        self.progressed()
        STEP_SUCCESS.labels(self.name).set_to_current_time()
        STEP_FAILURES.labels(self.name).set(0)

    def failed(self, error: BaseException) -> None:
        """Note a run that failed; an outage is logged once, a mistake with its traceback whenever
        it changes."""
        cause, kind = cause_of(error), outage_of(error)
        text = f"{type(cause).__name__}: {str(cause).partition(chr(10))[0][:_ERROR_LENGTH]}"
        if kind is None and text != self.error:
            log.error(LogEvent.STEP_FAILED, step=self.name, error=text, exc_info=error)
        elif not self.failures:
            log.warning(LogEvent.STEP_FAILED, step=self.name, error=text)
        self.failing_since = self.failing_since or datetime.now(UTC)
        self.failures, self.error, self.outage = self.failures + 1, text, kind
        self.running = False
        self.progressed()  # it runs: what it fails at is told by `fails`
        STEP_FAILURES.labels(self.name).set(self.failures)


class Steps:
    """All background steps of a process, by name."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}
        self._lock = threading.Lock()

    def register(
        self, name: str, period_seconds: float, patience_seconds: float | None = None
    ) -> Step:
        """Add a step, or begin anew with the one of that name."""
        step = Step(name, period_seconds, patience_seconds)
        with self._lock:
            self._steps[name] = step
        STEP_FAILURES.labels(name).set(0)
        return step

    def remove(self, name: str) -> None:
        """Forget a step that has been stopped."""
        with self._lock:
            self._steps.pop(name, None)

    def all(self) -> list[Step]:
        with self._lock:
            return list(self._steps.values())
