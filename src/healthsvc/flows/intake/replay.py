"""Streaming a history through the log: read, check, send in the file's order, remember how far it
is acknowledged.

Nothing is counted twice: a batch whose acknowledgement got lost is sent again, and its events carry
the ids that they had before.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from healthsvc.core.errors import Busy, InvalidInput
from healthsvc.wire.events.decode import Reject, decode_batch
from healthsvc.wire.files.event_file import BadLine, Group

RETRY_SECONDS = (0.5, 1, 2, 5, 10, 10, 30)  # while the output can't be reached
PACE_SECONDS = 0.05  # in compressed time, events due within it travel together
KEPT_BAD_LINES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Valid events in order, as columns."""

    customer_ids: Sequence[str]
    events: Sequence[bytes]  # envelopes as JSON

    def __len__(self) -> int:
        return len(self.events)

    def part(self, start: int, stop: int) -> "Batch":
        return Batch(customer_ids=self.customer_ids[start:stop], events=self.events[start:stop])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a batch; `rejected` has (place in the batch, reason)."""

    accepted: int
    duplicates: int = 0
    rejected: Sequence[tuple[int, str]] = ()


class Output(Protocol):
    """An entrance to the log."""

    @property
    def identity(self) -> str:
        """Names the very log behind it: progress in one says nothing about another."""
        ...

    async def send(self, batch: Batch) -> Answer:
        """Return when the events are durable, in this order. Raises OutputAwayError: then any may
        be in the log."""
        ...

    async def close(self) -> None: ...


class OutputAwayError(Busy):
    """The log can't be reached just now."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the log can't be reached: {why}")


class BadLineError(InvalidInput):
    """A line is no valid event, and the replay is strict."""

    def __init__(self, line: BadLine) -> None:
        self.line = line
        super().__init__(f"line {line.number}: {line.reason}: {line.detail}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far a replay is, reruns included."""

    line: int = 0  # all lines up to it are acknowledged or set aside
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    finished: bool = False


@dataclass(slots=True, kw_only=True)
class Progress:
    """The replay's memory on disk; without a path it remembers nothing. `bad` keeps the first lines
    set aside."""

    path: Path | None = None
    tally: Tally = field(default_factory=Tally)
    bad: list[BadLine] = field(default_factory=list)

    @staticmethod
    def load(path: Path | None, *, restart: bool = False) -> "Progress":
        """The state in the file; a missing or broken one is a fresh start, which costs time and
        nothing else."""
        try:
            tally = (
                Tally(**json.loads(path.read_bytes()))
                if path is not None and not restart
                else Tally()
            )
        except (FileNotFoundError, ValueError, TypeError):
            tally = Tally()
        progress = Progress(path=path, tally=tally)
        if progress.bad_path is not None and not tally.line:
            progress.bad_path.unlink(missing_ok=True)
        return progress

    def move(self, tally: Tally) -> None:
        """Remember: atomic, not synced, since an older state is only slower."""
        self.tally = tally
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({name: getattr(tally, name) for name in Tally.__slots__}))
        fresh.replace(self.path)

    def set_aside(self, lines: Sequence[BadLine]) -> None:
        """Keep bad lines for the report, up to a limit; beside the state file as NDJSON too."""
        recorded = list(lines)[: max(0, KEPT_BAD_LINES - len(self.bad))]
        self.bad.extend(recorded)
        if recorded and self.bad_path is not None:
            self.bad_path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.bad_path, "a", encoding="utf-8") as file:
                file.writelines(json.dumps(line._asdict()) + "\n" for line in recorded)

    @property
    def bad_path(self) -> Path | None:
        return None if self.path is None else self.path.with_suffix(".rejected.ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Compressed time: seconds of history that pass in one second of real time. `now` is a
    monotonic clock."""

    speed: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One run over a history: where to, how fast, and what it remembers."""

    output: Output
    progress: Progress
    now_us: Callable[[], int]
    pace: Pace | None = None
    strict: bool = False
    on_progress: Callable[[Tally], None] = lambda _: None
    on_away: Callable[[OutputAwayError, float], None] = lambda _, __: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, groups: Iterator[Group]) -> Tally:
        """Send all groups, one acknowledged batch after the other; the next group is read while one
        is on its way.

        Raises BadLineError when strict (all before that line is sent), OutputAwayError when the
        output stays away.
        """
        schedule = _Schedule(self.pace) if self.pace else None
        coming = asyncio.create_task(asyncio.to_thread(self._next, groups))
        try:
            while (prepared := await coming) is not None:
                coming = asyncio.create_task(asyncio.to_thread(self._next, groups))
                await self._send_prepared(prepared, schedule)
        finally:
            await asyncio.wait(
                [coming]
            )  # a thread can't be cancelled: let it end before the file is closed
        self._move(replace(self.progress.tally, finished=True))
        return self.progress.tally

    def _next(self, groups: Iterator[Group]) -> "_Prepared | None":
        group = next(groups, None)
        return None if group is None else _prepare(group, self.now_us(), strict=self.strict)

    async def _send_prepared(self, prepared: "_Prepared", schedule: "_Schedule | None") -> None:
        start, total = 0, len(prepared.lines)
        while start < total:
            stop = total if schedule is None else await schedule.due(prepared.occurred_us, start)
            answer = await self._send(prepared.batch.part(start, stop))
            refused = [
                BadLine(prepared.lines[start + place], "refused", reason)
                for place, reason in answer.rejected
            ]
            self._acknowledged(prepared.lines[stop - 1], answer)
            self._set_aside(refused)
            start = stop
        self._move(replace(self.progress.tally, line=prepared.last_line))
        self._set_aside(prepared.bad)

    async def _send(self, batch: Batch) -> Answer:
        for seconds in RETRY_SECONDS:
            try:
                return await self.output.send(batch)
            except OutputAwayError as error:
                self.on_away(error, seconds)
                await self.sleep(seconds)
        return await self.output.send(batch)

    def _acknowledged(self, line: int, answer: Answer) -> None:
        tally = self.progress.tally
        accepted, duplicates = (
            tally.accepted + answer.accepted,
            tally.duplicates + answer.duplicates,
        )
        self._move(replace(tally, line=line, accepted=accepted, duplicates=duplicates))

    def _set_aside(self, bad: Sequence[BadLine]) -> None:
        if not bad:
            return
        self.progress.set_aside(bad)
        tally = self.progress.tally
        self._move(replace(tally, rejected=tally.rejected + len(bad)))
        if self.strict:
            raise BadLineError(bad[0])

    def _move(self, tally: Tally) -> None:
        self.progress.move(tally)
        self.on_progress(tally)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A group of lines, checked."""

    batch: Batch
    lines: list[int]  # of each event in the batch
    occurred_us: npt.NDArray[np.int64]
    bad: list[BadLine]
    last_line: int


def _prepare(group: Group, now_us: int, *, strict: bool) -> _Prepared:
    good = [line for line in group if not isinstance(line, BadLine)]
    decoded = decode_batch([line.value for line in good], now_us=now_us, is_intake=True)
    bad = [line for line in group if isinstance(line, BadLine)]
    bad += [_bad_line(good[reject.index].number, reject) for reject in decoded.rejects]
    bad.sort()
    lines = [good[index].number for index in decoded.index]
    count, last_line = len(lines), group[-1].number
    if strict and bad:
        last_line = bad[0].number - 1
        count = sum(line <= last_line for line in lines)
    return _Prepared(
        batch=Batch(
            customer_ids=[e.customer_id for e in decoded.events[:count]],
            events=decoded.raws[:count],
        ),
        lines=lines[:count],
        occurred_us=decoded.occurred_us[:count],
        bad=bad,
        last_line=last_line,
    )


def _bad_line(number: int, reject: Reject) -> BadLine:
    detail = "; ".join(
        f"{error.pointer}: {error.detail}" if error.pointer else error.detail
        for error in reject.errors
    )
    return BadLine(number, reject.reason, detail)


class _Schedule:
    """When each event is due in compressed time; one that is late in the file is due with its
    predecessor."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._started: float | None = None
        self._first_us = 0
        self._latest_us = 0

    async def due(self, occurred_us: npt.NDArray[np.int64], start: int) -> int:
        """Wait for the event at `start`, and return the end of those that may travel with it."""
        if self._started is None:
            self._started = self._pace.now()
            self._first_us = self._latest_us = int(occurred_us[start])
        history_us = (
            np.maximum(np.maximum.accumulate(occurred_us[start:]), self._latest_us) - self._first_us
        )
        due = history_us / 1e6 / self._pace.speed
        wait = float(due[0]) - (self._pace.now() - self._started)
        if wait > 0:
            await self._pace.sleep(wait)
        elapsed = self._pace.now() - self._started + PACE_SECONDS
        count = max(1, int(np.searchsorted(due, elapsed, side="right")))
        self._latest_us = self._first_us + int(history_us[count - 1])
        return start + count
