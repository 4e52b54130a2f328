"""The commands `replay` and `demo`: a history from a file, or a synthetic one, through the log."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from healthsvc import settings as configuration
from healthsvc import telemetry
from healthsvc.cli.outputs import APPLICATION, Target, TargetError
from healthsvc.core.instants import DAY_US
from healthsvc.demo import history
from healthsvc.demo.roster import Archetype
from healthsvc.flows.intake.replay import BadLineError, OutputAwayError, Pace, Replay, Tally
from healthsvc.flows.intake.replay import Progress as Memory
from healthsvc.log.http_output import RefusedError
from healthsvc.runtime.embedded import DataFolderInUseError, EmbeddedPostgresError
from healthsvc.settings import Settings, SettingsError
from healthsvc.store.database import installation
from healthsvc.store.database.installation import NotInstalledError
from healthsvc.wire.files.event_file import (
    STDIN,
    EventFile,
    FileRefusedError,
    Group,
    fingerprint,
    load_mapping,
    name_of,
)
from healthsvc.wiring.database import engine_on

NEWS_SECONDS = 5.0
FOLD_SECONDS = 60.0
SHOWN_BAD_LINES = 20
INTERRUPTED = 130
TROUBLE = (
    BadLineError, DataFolderInUseError, EmbeddedPostgresError, FileRefusedError, NotInstalledError, OSError,
    OutputAwayError, RefusedError, SettingsError, TargetError, history.OtherFleetError,
)  # fmt: skip
SHOWN_FIRST = (Archetype.LEAVING, Archetype.UNSERVED, Archetype.SILENT, Archetype.ADVOCATE)

Url = Annotated[str | None, typer.Option(help="Send over HTTP to the service at this address.", metavar="URL")]
Key = Annotated[str | None, typer.Option(help="API key for --url.  [default: HEALTHSVC_ADMIN_KEY]", metavar="KEY")]
Kafka = Annotated[bool, typer.Option("--kafka", help="Send to the events topic of HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS.")]
Database = Annotated[
    str | None,
    typer.Option(help="Write into this database's log.  [default: the service's own]", metavar="postgresql://…"),
]
Speed = Annotated[
    float | None,
    typer.Option(
        min=0.001, help="Seconds of the history in one second, 3600 is an hour a second.  [default: no limit]"
    ),
]
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew instead of going on where the last run ended.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]

_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the main one."""
    app.command("replay")(replay_command)
    app.command("demo")(demo_command)


def replay_command(
    file: Annotated[str, typer.Argument(help="NDJSON of events, or CSV; .gz too; - is standard input.")],
    mapping: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="YAML for a CSV: columns, fixed, types, data, text, timezone.  [default: the header's own names]",
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    kafka: Kafka = False,
    database: Database = None,
    speed: Speed = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first line that is no event.")] = False,
    restart: Restart = False,
    as_json: AsJson = False,
) -> None:
    """Stream a file of events through the log, at full speed or in compressed time.

    Run it again after an interruption: it goes on where it ended, and what is sent twice counts once. Lines that are no
    events are set aside and reported with their number.
    """
    with _complaining():
        target = Target(settings=_configured(), url=url, key=key, kafka=kafka, database=database)
        source = EventFile(path=file, mapping=load_mapping(mapping) if mapping else None)
        salt = mapping.read_text() if mapping else ""
        job = _Job(
            label=Path(file).name,
            groups=lambda after: source.groups(target.batch, after=after),
            name=lambda identity: None if file == STDIN else fingerprint(file, salt, identity),
            total=source.size,
            done=lambda _: source.bytes_read(),
            pace=Pace(speed=speed) if speed else None,
            strict=strict,
            restart=restart,
        )
        with target.ready() as address:
            report = asyncio.run(_send(target, address, job))
        report.tell(as_json=as_json)


def demo_command(
    customers: Annotated[int, typer.Option(min=1, max=100_000, help="How many customers.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Another number is another fleet.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the events into a file instead.")] = False,
    out: Annotated[Path, typer.Option(help="The file of --dry-run.")] = Path("demo.ndjson"),
    url: Url = None,
    key: Key = None,
    kafka: Kafka = False,
    database: Database = None,
    speed: Speed = None,
    restart: Restart = False,
    as_json: AsJson = False,
) -> None:
    """Make a synthetic fleet with six months of history up to now, and stream it through the log.

    Its customers are called "Synthetic …", its events have the source "demo": nothing of it is real. Run again, it
    sends the same fleet, which counts once; --seed makes another.
    """
    with _complaining():
        settings = _configured()
        if dry_run:
            made = history.lines(history.Demo(seed=seed, customers=customers, end_us=_now_us()))
            history.write(made, out)
            _print(f"{len(made):,} synthetic events in {out}", {"file": str(out), "events": len(made)}, as_json=as_json)
            return
        target = Target(settings=settings, url=url, key=key, kafka=kafka, database=database)
        fleet = _fleet(settings.data_dir, history.Demo(seed=seed, customers=customers, end_us=_now_us()))
        with target.ready() as address:
            _errors.print(f"Making {customers} synthetic customers …")
            made = history.lines(fleet)
            job = _Job(
                label=f"demo fleet {seed}",
                groups=lambda after: history.groups(made, target.batch, after=after),
                name=lambda identity: name_of("demo", str(fleet), identity),
                total=len(made),
                done=lambda tally: tally.line,
                pace=Pace(speed=speed) if speed else None,
                restart=restart,
            )
            report = asyncio.run(_send(target, address, job))
            waiting = asyncio.run(_fold(address)) if address else 0
        report.tell(as_json=as_json)
        if not as_json:
            _look_here(fleet, url or f"http://{settings.host}:{settings.port}", waiting)


# One run ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What to send, and how its progress is counted (bytes or events)."""

    label: str
    groups: Callable[[int], Iterator[Group]]  # after a line
    name: Callable[[str], str | None]  # of the state file, by the output's identity; None: nothing to resume
    total: int | None
    done: Callable[[Tally], int]
    pace: Pace | None = None
    strict: bool = False
    restart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What to tell at the end."""

    label: str
    output: str
    before: Tally
    memory: Memory
    seconds: float

    def tell(self, *, as_json: bool) -> None:
        tally = self.memory.tally
        for bad in self.memory.bad[:SHOWN_BAD_LINES]:
            _errors.print(f"line {bad.number}: {bad.reason}: {bad.detail}", markup=False)
        sent = tally.accepted + tally.duplicates - self.before.accepted - self.before.duplicates
        rate = sent / self.seconds if self.seconds else 0.0
        _print(self._sentence(sent, rate), self._facts(sent, rate), as_json=as_json)

    def _sentence(self, sent: int, rate: float) -> str:
        tally = self.memory.tally
        if self.before.finished:
            return f"{self.label} is in the log already, wholly: nothing to send (--restart sends it again)."
        text = f"{self.label}: {sent:,} events in {self.seconds:.1f} s ({rate:,.0f}/s) into {self.output.split()[0]}"
        if self.before.line:
            text += f", going on after line {self.before.line:,}"
        if tally.duplicates:
            text += f"; {tally.duplicates:,} known already"
        if tally.rejected:
            where = f" (the first are in {self.memory.bad_path})" if self.memory.bad_path and self.memory.bad else ""
            text += f"; {tally.rejected:,} line{'s' * (tally.rejected != 1)} set aside{where}"
        return text + "."

    def _facts(self, sent: int, rate: float) -> dict[str, object]:
        tally = self.memory.tally
        return {
            "label": self.label,
            "output": self.output.split()[0],
            "finished": tally.finished,
            "resumed_after_line": self.before.line,
            "sent": sent,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(rate),
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "rejected": tally.rejected,
            "rejected_lines": [bad._asdict() for bad in self.memory.bad[:SHOWN_BAD_LINES]],
        }


def _configured() -> Settings:
    """The configuration; log lines go to standard error, since standard output is for the summary alone."""
    settings = configuration.load()
    telemetry.configure_logging(level="WARNING", style=settings.log_style)
    return settings


def _fleet(data_dir: Path, wanted: history.Demo) -> history.Demo:
    """The fleet as this installation knows it, whichever entrance it took."""
    fleet = history.remembered(data_dir / "replay" / f"demo-{wanted.seed}.json", wanted)
    if wanted.end_us - fleet.end_us > DAY_US:
        end = datetime.fromtimestamp(fleet.end_us / 1e6, UTC)
        _errors.print(f"Fleet {fleet.seed} was made on {end:%d %B %Y}; another --seed makes one that ends now.")
    return fleet


async def _send(target: Target, address: str | None, job: _Job) -> _Report:
    async with target.output(address) as output:
        name = job.name(output.identity)
        path = target.settings.data_dir / "replay" / f"{name}.json" if name else None
        memory = Memory.load(path, restart=job.restart)
        before, started = memory.tally, time.monotonic()
        if not before.finished:
            with _bar(job) as moved:
                run = Replay(
                    output=output,
                    progress=memory,
                    now_us=_now_us,
                    pace=job.pace,
                    strict=job.strict,
                    on_progress=moved,
                    on_away=_tell_away,
                )
                await run.run(job.groups(before.line))
    seconds = time.monotonic() - started
    return _Report(label=job.label, output=output.identity, before=before, memory=memory, seconds=seconds)


async def _fold(address: str) -> int:
    """Wait while a running service folds what waits in the log; returns how much is left."""
    async with engine_on(address, APPLICATION, pool_size=1) as engine:
        deadline, before = time.monotonic() + FOLD_SECONDS, None
        while True:
            async with engine.begin() as conn:
                waiting = await installation.waiting(conn)
            if not waiting or waiting == before or time.monotonic() > deadline:
                return waiting
            before = waiting
            await asyncio.sleep(1.5)


# What is shown ----------------------------------------------------------------------------------------------


class _Rate(ProgressColumn):
    """Events in a second, as far as this run goes."""

    def render(self, task: object) -> str:
        fields = getattr(task, "fields", {})
        elapsed = getattr(task, "elapsed", None)
        return f"{fields['events'] / elapsed:,.0f} events/s" if elapsed else ""


@contextmanager
def _bar(job: _Job) -> Iterator[Callable[[Tally], None]]:
    """A progress bar on a terminal, else a line every few seconds; both on standard error."""
    if not sys.stderr.isatty():
        yield _lines(job)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[events]:,} events"), _Rate())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=_errors, transient=True) as bar:
        task = bar.add_task(job.label, total=job.total, events=0)
        yield lambda tally: bar.update(task, completed=job.done(tally), events=tally.accepted + tally.duplicates)


def _lines(job: _Job) -> Callable[[Tally], None]:
    told = time.monotonic()

    def moved(tally: Tally) -> None:
        nonlocal told
        if time.monotonic() - told < NEWS_SECONDS:
            return
        told = time.monotonic()
        share = f" ({100 * job.done(tally) / job.total:.0f} %)" if job.total else ""
        _errors.print(f"{job.label}: {tally.accepted + tally.duplicates:,} events{share}", markup=False)

    return moved


def _tell_away(error: OutputAwayError, seconds: float) -> None:
    _errors.print(f"{error}; next try in {seconds:g} s", markup=False)


def _look_here(fleet: history.Demo, url: str, waiting: int) -> None:
    """What to try next."""
    examples = history.examples(fleet)
    if waiting:
        typer.echo(f"\n{waiting:,} events wait to be folded: start the service with `healthsvc up`, if it doesn't run.")
    get = f'curl -s -H "Authorization: Bearer $KEY" "{url}'
    typer.echo("\nLook at (KEY is an API key: the first one was printed by `healthsvc up`)")
    typer.echo(f'  {get}/v1/alerts?state=open"                  # what wants attention now')
    typer.echo(f'  {get}/v1/customers?sort=risk&limit=10"       # who is most at risk')
    for archetype in SHOWN_FIRST:
        if archetype in examples:
            typer.echo(f'  {get}/v1/customers/{examples[archetype]}/health/explanation"   # {archetype.value}')


def _print(text: str, facts: dict[str, object], *, as_json: bool) -> None:
    typer.echo(json.dumps(facts) if as_json else text)


@contextmanager
def _complaining() -> Iterator[None]:
    """Expected trouble as one sentence on standard error, with a code that says so."""
    try:
        yield
    except KeyboardInterrupt:
        _errors.print("Interrupted: the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    except TROUBLE as error:
        _errors.print(str(error) or type(error).__name__, markup=False)
        raise typer.Exit(2 if isinstance(error, SettingsError | TargetError | history.OtherFleetError) else 1) from None


def _now_us() -> int:
    return int(datetime.now(UTC).timestamp() * 1e6)
