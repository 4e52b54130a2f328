"""Queues runs of the lab on the service's own archive, executes them one at a time in a processing
role, and cancels them.

Each is executed in a process of its own (flows.lab.worker_process); here it is only watched. What
kills the watcher ends that process; another watcher begins the run anew after the lease.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from threading import Thread
from typing import Any, Final

import structlog

from healthsvc.core.actors import Actor
from healthsvc.core.instants import to_us
from healthsvc.flows.lab import schedule, worker_process
from healthsvc.flows.lab.jobs import ComparisonJob
from healthsvc.flows.lab.replay import ReplayJob
from healthsvc.flows.lab.run import RunRequest
from healthsvc.store.admin import audit
from healthsvc.store.database.engine import AsyncEngine, autocommit_connection
from healthsvc.store.lab import runs
from healthsvc.store.lab.runs import Run
from healthsvc.store.projections import live_projection, scorecards
from healthsvc.telemetry import LogEvent

LOOK_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 0.5
LEASE_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 3.0
CANCELLED: Final = "Cancelled by {by}."
ENDED: Final = "The process that executed it ended with code {code}, without a result."

log = structlog.get_logger()

LabRequest = RunRequest | ComparisonJob | ReplayJob
"""What a run is asked for."""


async def ask(engine: AsyncEngine, request: LabRequest, *, by: Actor, now: datetime) -> Run:
    """Queue a run."""
    options = asdict(request)
    kind = options.pop("kind")
    async with engine.begin() as conn:
        run = await runs.ask(conn, kind, options, by=by.by, now=now)
        await audit.record(
            conn, now, actor=by, action="lab_run.asked", target=str(run.id), detail={"kind": kind}
        )
    return run


async def find(engine: AsyncEngine, run: int) -> Run | None:
    async with engine.connect() as conn:
        return await runs.get(conn, run)


async def cancel(engine: AsyncEngine, run: int, *, by: Actor, now: datetime) -> bool | None:
    """Give a run up, whether it waits or is executed. False: it is over already; None: there is
    none."""
    async with engine.begin() as conn:
        if await runs.get(conn, run) is None:
            return None
        if not await runs.fail(conn, run, CANCELLED.format(by=by.by)):
            return False
        await audit.record(conn, now, actor=by, action="lab_run.cancelled", target=str(run))
    return True


def _nothing() -> None:
    """Take no note of the progress."""


async def execute_next(
    engine: AsyncEngine,
    url: str,
    *,
    worker_id: str,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    progressed: Callable[[], None] = _nothing,
) -> bool:
    """Execute the run whose turn it is; False if there is none. A run that `stop` interrupts waits
    for the next. Any number may look at once: one executes.
    """
    async with autocommit_connection(engine) as conn:
        if not await runs.is_due(conn):
            return False
    async with engine.begin() as conn:
        run = await runs.claim(conn, worker_id, LEASE_SECONDS)
        live = await live_projection.live(conn)
        version = None if run is None else run.options.get("version")
        candidate = None if version is None else await scorecards.get(conn, version)
    if run is None:
        return False
    task = {
        "url": url,
        "live_document": live.document,
        "live_since_us": 0 if live.live_at is None else to_us(live.live_at),
        "document": None if candidate is None else candidate.frozen or candidate.document,
        "now_us": to_us(now()),
        "wanted": {"kind": run.kind, **run.options},
    }
    process = _Process(task)
    try:
        await _watch(engine, process, run.id, worker_id, now, stop, progressed)
    finally:
        await asyncio.to_thread(process.end)
    return True


async def _watch(
    engine: AsyncEngine,
    process: "_Process",
    run: int,
    worker_id: str,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    progressed: Callable[[], None],
) -> None:
    """Renew the claim and report progress while the process works, then store its result."""
    while process.works():
        if stop.is_set():
            async with engine.begin() as conn:
                await runs.release(conn, run, worker_id)
            return
        async with engine.begin() as conn:
            ours = await runs.renew(
                conn, run, worker_id, LEASE_SECONDS, process.phase, process.progress
            )
        if not ours:
            return
        progressed()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), WATCH_SECONDS)
    output = process.output
    async with engine.begin() as conn:
        if "result" in output:
            finished = await runs.finish(
                conn, run, worker_id, output["result"], output["model_key"]
            )
            if finished and "drift" in output["result"]:
                await schedule.settle(conn, output["result"], now())
        else:
            why = output.get("failure") or ENDED.format(code=process.code)
            await runs.fail(conn, run, why, worker_id)
    log.info(
        LogEvent.LAB_RUN_ENDED,
        run=run,
        model=output.get("result", {}).get("model"),
        failure=output.get("failure"),
    )


@dataclass(slots=True)
class _Process:
    """The process of a run, with its last reported phase, progress and result."""

    task: dict[str, Any]
    phase: str = "starting"
    progress: float = 0.0
    output: dict[str, Any] = field(default_factory=dict)
    code: int | None = None
    _process: "subprocess.Popen[bytes]" = field(init=False)
    _reader: Thread = field(init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, "-m", worker_process.MODULE]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(self.task).encode() + b"\n")
            self._process.stdin.flush()
        self._reader = Thread(target=self._read_output, daemon=True)
        self._reader.start()

    def works(self) -> bool:
        """Whether it is still at work; once it isn't, all of its output has been read."""
        return self._reader.is_alive()

    def end(self) -> None:
        """End it, whatever it does: closing its input requests a clean exit."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if "phase" in message:
                self.phase, self.progress = message["phase"], message["progress"]
            else:
                self.output = message
        self.code = self._process.wait()
