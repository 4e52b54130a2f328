"""Streaming a history through the log: read, check, send in the file's order, remember how far it
is acknowledged.

Nothing is counted twice: a batch whose acknowledgement got lost is sent again, and its events carry
the ids that they had before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from healthsvc.core.errors import InvalidInput
from healthsvc.flows.intake.prepared_lines import PreparedLines, prepare_lines
from healthsvc.flows.intake.replay_output import (
    OutputAwayError,
    ReplayBatch,
    ReplayOutput,
    SendResult,
)
from healthsvc.flows.intake.replay_pace import DueTimes, ReplayPace
from healthsvc.flows.intake.replay_progress import ReplayProgress, ReplayTally
from healthsvc.wire.files.file_lines import BadLine, Group

RETRY_SECONDS = (0.5, 1, 2, 5, 10, 10, 30)  # while the output can't be reached


class BadLineError(InvalidInput):
    """A line is no valid event, and the replay is strict."""

    def __init__(self, line: BadLine) -> None:
        self.line = line
        super().__init__(f"line {line.number}: {line.reason}: {line.detail}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One run over a history: where to, how fast, and what it remembers."""

    output: ReplayOutput
    progress: ReplayProgress
    now_us: Callable[[], int]
    pace: ReplayPace | None = None
    strict: bool = False
    on_progress: Callable[[ReplayTally], None] = lambda _: None
    on_away: Callable[[OutputAwayError, float], None] = lambda _, __: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, groups: Iterator[Group]) -> ReplayTally:
        """Send all groups, one acknowledged batch after the other; the next group is read while one
        is on its way.

        Raises BadLineError when strict (all before that line is sent), OutputAwayError when the
        output stays away.
        """
        schedule = DueTimes(self.pace) if self.pace else None
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

    def _next(self, groups: Iterator[Group]) -> "PreparedLines | None":
        group = next(groups, None)
        return None if group is None else prepare_lines(group, self.now_us(), strict=self.strict)

    async def _send_prepared(self, prepared: "PreparedLines", schedule: "DueTimes | None") -> None:
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

    async def _send(self, batch: ReplayBatch) -> SendResult:
        for seconds in RETRY_SECONDS:
            try:
                return await self.output.send(batch)
            except OutputAwayError as error:
                self.on_away(error, seconds)
                await self.sleep(seconds)
        return await self.output.send(batch)

    def _acknowledged(self, line: int, answer: SendResult) -> None:
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

    def _move(self, tally: ReplayTally) -> None:
        self.progress.move(tally)
        self.on_progress(tally)
