"""The checks of one process: what fails now, in a sentence that says what to do, and whether it
makes it useless."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from healthsvc.flows.readiness import wording
from healthsvc.flows.readiness.check import Check, ReadinessVerdict
from healthsvc.flows.readiness.postponed import PostponedTimers
from healthsvc.flows.readiness.progress import FLUSH_PATIENCE, STALL_SECONDS, InputProgress, Stall
from healthsvc.flows.readiness.steps import Step, Steps
from healthsvc.store.database.outage import Outage
from healthsvc.store.readiness.check_reports import CheckReport, Ledger, Partition

Role = Literal["api", "process", "deliver"]
SPINE: Final = frozenset({"processing", "deliveries.claim", "deliveries.record"})
"""Steps without which their role does nothing."""
LOOKING: Final = "readiness"
LEDGER_SECONDS: Final = 90.0
LISTED: Final = 20
"""Customers that one alert names."""
LEAST_FREE_BYTES: Final = 256 << 20


@dataclass(slots=True)
class _Mark:
    """Something that should move, and since when it hasn't."""

    value: int = -1
    since: float = 0.0


class Readiness:
    """The state of one process, for its probes. One is made in wiring for each process; threads
    share it.

    It reads memory only. What the database tells is noted by the step `readiness`
    (flows.readiness.watch).
    """

    def __init__(
        self,
        *,
        process: str,
        roles: frozenset[Role],
        stall_seconds: float = STALL_SECONDS,
        data_dir: Path | None = None,
    ) -> None:
        self.process, self.roles, self.data_dir = process, roles, data_dir
        self.steps = Steps()
        self.progress = InputProgress(stall_seconds)
        self.postponed = PostponedTimers()
        self.neighbours: Sequence[CheckReport] = ()
        self._stall_seconds = stall_seconds
        self._table = InputProgress(
            stall_seconds, metrics=False
        )  # of all partitions, whoever reads them
        self._unowned: dict[int, float] = {}
        self._waiting: dict[int, int] = {}
        self._ledger, self._ledger_waiting = _Mark(), 0

    # What the database tells

    def note_partitions(self, partitions: Sequence[Partition]) -> None:
        """Note who reads which partition of the live projection, and how far."""
        now = time.monotonic()
        offsets = {p.partition: p.table_offset for p in partitions}
        self._table.hold("table", offsets.keys(), offsets)
        self._table.ends("table", {p.partition: p.head for p in partitions})
        lonely = [
            p for p in partitions if not p.owned and (p.head > p.table_offset or p.reads_kafka)
        ]
        self._unowned = {p.partition: self._unowned.get(p.partition, now) for p in lonely}
        self._waiting = {p.partition: p.head - p.table_offset for p in lonely}

    def note_ledger(self, ledger: Ledger) -> None:
        """Note how far the ledger is."""
        if ledger.entries != self._ledger.value or not ledger.waiting:
            self._ledger = _Mark(ledger.entries, time.monotonic())
        self._ledger_waiting = ledger.waiting

    # What fails

    def verdict(self) -> "ReadinessVerdict":
        """Whether the process is ready, with the problems of itself, then of its neighbours."""
        own = self.failing()
        listed = {(check.kind, check.scope) for check in own}
        others = {
            f"/{r.kind}/{r.scope}": r.summary
            for r in self.neighbours
            if (r.kind, r.scope) not in listed
        }
        return ReadinessVerdict(
            ready=not any(check.fatal for check in own),
            sentences={check.pointer: check.sentence for check in own} | others,
        )

    def failing(self) -> list[Check]:
        """The checks of this process that fail now, those that make it useless first."""
        failures = [
            *self._database(),
            *self._kafka(),
            *self._inputs(),
            *self._slow_flush(),
            *self._partitions_unowned(),
            *self._failing_steps(),
            *self._ledger_behind(),
            *self._timers_postponed(),
            *self._disk(),
        ]
        return sorted(failures, key=lambda check: not check.fatal)

    def _database(self) -> list[Check]:
        """Database outages that steps have met: of the database checks at once, of other steps if
        they go on."""
        met: dict[Outage, list[Step]] = {}
        for step in self.steps.all():
            if step.outage is None or not step.is_recent:
                continue
            if step.outage is not Outage.UNREACHABLE or step.name == LOOKING or step.fails:
                met.setdefault(step.outage, []).append(step)
        return [
            Check(
                kind="database_fault",
                scope=str(outage),
                sentence=wording.outage(outage, [step.name for step in steps]),
                since=min(
                    (s.failing_since for s in steps if s.failing_since is not None), default=_ago(0)
                ),
                fatal=self.roles != {"api"},
                detail={step.name: step.error for step in steps},
            )
            for outage, steps in sorted(met.items())
        ]

    def _kafka(self) -> list[Check]:
        return [
            Check(
                kind="kafka_unreachable",
                scope=away.source,
                sentence=wording.unreachable(away),
                since=_ago(away.seconds),
                fatal=True,
                detail={"error": away.why},
            )
            for away in self.progress.unreachable()
            if away.source == "kafka"  # the table's is the database
        ]

    def _inputs(self) -> list[Check]:
        """Inputs of this worker that stand still, and the table's, whichever worker reads it."""
        mine = {(s.source, s.partition): s for s in self.progress.stalled()}
        owned = self.progress.owned()
        patience = self._stall_seconds * (FLUSH_PATIENCE if self._flush_is_slow() else 1.0)
        theirs = [
            s
            for s in self._table.stalled()
            if s.partition not in self._unowned and s.seconds > patience
        ]
        stalls = mine | {
            (s.source, s.partition): s for s in theirs if (s.source, s.partition) not in mine
        }
        by_source: dict[str, list[Stall]] = {}
        for _, stall in sorted(stalls.items()):
            by_source.setdefault(stall.source, []).append(stall)
        return [
            Check(
                kind="input_stalled",
                scope=source,
                sentence=wording.stalled(source, some, self._last_error_kind()),
                since=_ago(max(s.seconds for s in some)),
                fatal=any((s.source, s.partition) in owned for s in some),
                detail={
                    "partitions": {
                        str(s.partition): {"offset": s.offset, "end": s.end} for s in some
                    }
                },
            )
            for source, some in by_source.items()
        ]

    def _flush_is_slow(self) -> bool:
        """Whether a flush takes long, here or in a neighbour: it is progress, for a while."""
        neighbours = any(report.kind == "flush_slow" for report in self.neighbours)
        return neighbours or self.progress.slow_flush_seconds() is not None

    def _slow_flush(self) -> list[Check]:
        seconds = self.progress.slow_flush_seconds()
        if seconds is None:
            return []
        return [
            Check(
                kind="flush_slow",
                scope="workers",
                sentence=wording.flush_slow(seconds),
                since=_ago(seconds),
                severity="warning",
                detail={"seconds": round(seconds)},
            )
        ]

    def _last_error_kind(self) -> str | None:
        return next(
            (step.error_kind for step in self.steps.all() if step.name == "processing"), None
        )

    def _partitions_unowned(self) -> list[Check]:
        now = time.monotonic()
        late = {
            p: now - since
            for p, since in self._unowned.items()
            if now - since > self._stall_seconds
        }
        if not late:
            return []
        return [
            Check(
                kind="partitions_unowned",
                scope="workers",
                sentence=wording.unowned(sorted(late), sum(self._waiting.get(p, 0) for p in late)),
                since=_ago(max(late.values())),
                fatal="process" in self.roles,
                detail={"partitions": sorted(late)},
            )
        ]

    def _failing_steps(self) -> list[Check]:
        return [
            Check(
                kind="step_failing",
                scope=step.name,
                sentence=wording.failing(step),
                since=step.failing_since or step.still_since,
                fatal=step.name in SPINE or (step.name == LOOKING and step.stands_still),
                severity="critical" if step.name in SPINE else "warning",
                detail={"failures": step.failures, "error": step.error},
            )
            for step in self.steps.all()
            if (step.fails and step.outage is None) or step.stands_still
        ]

    def _ledger_behind(self) -> list[Check]:
        seconds = time.monotonic() - self._ledger.since
        if not self._ledger_waiting or seconds <= LEDGER_SECONDS:
            return []
        return [
            Check(
                kind="ledger_behind",
                scope="portfolio",
                sentence=wording.behind(self._ledger_waiting, seconds),
                since=_ago(seconds),
                severity="warning",
                detail={"events_waiting": self._ledger_waiting},
            )
        ]

    def _timers_postponed(self) -> list[Check]:
        timers = self.postponed.all()
        if not timers:
            return []
        return [
            Check(
                kind="timers_postponed",
                scope="timers",
                sentence=wording.postponed(timers),
                since=_ago(self.postponed.seconds(timers[0])),
                severity="warning",
                detail={
                    "customers": {timer.customer_id: timer.error[:300] for timer in timers[:LISTED]}
                },
            )
        ]

    def _disk(self) -> list[Check]:
        if self.data_dir is None or not self.data_dir.is_dir():
            return []
        free = shutil.disk_usage(self.data_dir).free
        if free >= LEAST_FREE_BYTES:
            return []
        return [
            Check(
                kind="disk_low",
                scope="data_dir",
                sentence=wording.disk_low(self.data_dir, free),
                since=_ago(0),
                severity="warning",
                detail={"free_bytes": free},
            )
        ]


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
