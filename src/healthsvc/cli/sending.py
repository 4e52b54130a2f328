"""One run of `replay` or `demo`: events sent in groups, its progress, its report."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from healthsvc.cli.options import show
from healthsvc.cli.outputs import OutputTarget
from healthsvc.flows.intake.replay import Replay
from healthsvc.flows.intake.replay_output import OutputAwayError
from healthsvc.flows.intake.replay_pace import ReplayPace
from healthsvc.flows.intake.replay_progress import ReplayProgress, ReplayTally
from healthsvc.wire.files.file_lines import Group

NEWS_SECONDS = 5.0
SHOWN_BAD_LINES = 20
RESUMABLE = "Interrupted: the same command continues from here."

_errors = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to send, and how its progress is counted (bytes or events)."""

    label: str
    groups: Callable[[int], Iterator[Group]]  # after a line
    name: Callable[
        [str], str | None
    ]  # of the state file, by the output's identity; None: nothing to resume
    total: int | None
    position: Callable[[ReplayTally], int]
    pace: ReplayPace | None = None
    strict: bool = False
    restart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingReport:
    """The summary at the end."""

    label: str
    output: str
    before: ReplayTally
    memory: ReplayProgress
    seconds: float

    @property
    def nothing_done(self) -> bool:
        """Whether every line was set aside, in this run or the one before."""
        tally = self.memory.tally
        return tally.rejected > 0 and not tally.accepted + tally.duplicates

    def tell(self, *, as_json: bool) -> None:
        tally = self.memory.tally
        for bad in self.memory.bad[:SHOWN_BAD_LINES]:
            _errors.print(f"line {bad.number}: {bad.reason}: {bad.detail}", markup=False)
        sent_count = (
            tally.accepted + tally.duplicates - self.before.accepted - self.before.duplicates
        )
        rate = sent_count / self.seconds if self.seconds else 0.0
        show(self._facts(sent_count, rate), as_json, self._sentence(sent_count, rate))

    def _sentence(self, sent_count: int, rate: float) -> str:
        tally = self.memory.tally
        if self.nothing_done:
            return (
                f"Nothing of {self.label} is in the log: all {tally.rejected:,} lines were set"
                f" aside{self._where()}."
            )
        if self.before.finished:
            return (
                f"{self.label} is in the log already; nothing to send (--restart sends it again)."
            )
        text = (
            f"{self.label}: {sent_count:,} events in {self.seconds:.1f} s ({rate:,.0f}/s) into"
            f" {self.output.split()[0]}"
        )
        if self.before.line:
            text += f", resumed after line {self.before.line:,}"
        if tally.duplicates:
            text += f"; {tally.duplicates:,} known already"
        if tally.rejected:
            text += (
                f"; {tally.rejected:,} line{'s' * (tally.rejected != 1)} set aside{self._where()}"
            )
        return text + "."

    def _where(self) -> str:
        has_examples = self.memory.bad_path and self.memory.bad
        return f" (the first are in {self.memory.bad_path})" if has_examples else ""

    def _facts(self, sent_count: int, rate: float) -> dict[str, object]:
        tally = self.memory.tally
        return {
            "label": self.label,
            "output": self.output.split()[0],
            "finished": tally.finished,
            "resumed_after_line": self.before.line,
            "sent": sent_count,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(rate),
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "rejected": tally.rejected,
            "rejected_lines": [bad._asdict() for bad in self.memory.bad[:SHOWN_BAD_LINES]],
        }


async def send(target: OutputTarget, address: str | None, job: Job) -> SendingReport:
    async with target.output(address) as output:
        name = job.name(output.identity)
        path = target.settings.data_dir / "replay" / f"{name}.json" if name else None
        memory = ReplayProgress.load(path, restart=job.restart)
        before, started = memory.tally, time.monotonic()
        if not before.finished:
            with _bar(job) as on_progress:
                run = Replay(
                    output=output,
                    progress=memory,
                    now_us=now_us,
                    pace=job.pace,
                    strict=job.strict,
                    on_progress=on_progress,
                    on_away=_tell_away,
                )
                await run.run(job.groups(before.line))
    seconds = time.monotonic() - started
    return SendingReport(
        label=job.label, output=output.identity, before=before, memory=memory, seconds=seconds
    )


class _Rate(ProgressColumn):
    """Events in a second, as far as this run goes."""

    def render(self, task: object) -> str:
        fields = getattr(task, "fields", {})
        elapsed = getattr(task, "elapsed", None)
        return f"{fields['events'] / elapsed:,.0f} events/s" if elapsed else ""


@contextmanager
def _bar(job: Job) -> Iterator[Callable[[ReplayTally], None]]:
    """A progress bar on a terminal, else a line every few seconds; both on standard error."""
    if not sys.stderr.isatty():
        yield _lines(job)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[events]:,} events"),
        _Rate(),
    )
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=_errors, transient=True
    ) as bar:
        task = bar.add_task(job.label, total=job.total, events=0)
        yield lambda tally: bar.update(
            task, completed=job.position(tally), events=tally.accepted + tally.duplicates
        )


def _lines(job: Job) -> Callable[[ReplayTally], None]:
    reported_at = time.monotonic()

    def moved(tally: ReplayTally) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at < NEWS_SECONDS:
            return
        reported_at = time.monotonic()
        share = f" ({100 * job.position(tally) / job.total:.0f} %)" if job.total else ""
        _errors.print(
            f"{job.label}: {tally.accepted + tally.duplicates:,} events{share}", markup=False
        )

    return moved


def _tell_away(error: OutputAwayError, seconds: float) -> None:
    _errors.print(f"{error}; next try in {seconds:g} s", markup=False)


def now_us() -> int:
    """The present instant."""
    return time.time_ns() // 1000
