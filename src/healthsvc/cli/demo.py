"""The command `demo`: a synthetic fleet through the log."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from healthsvc.cli.options import (
    AsJson,
    Database,
    Kafka,
    Key,
    Restart,
    Speed,
    Url,
    configured,
    show,
)
from healthsvc.cli.outputs import APPLICATION, OutputTarget
from healthsvc.cli.sending import RESUMABLE, Job, now_us, send
from healthsvc.core.instants import DAY_US
from healthsvc.demo import history
from healthsvc.demo.roster import Archetype
from healthsvc.flows.intake.replay_pace import ReplayPace
from healthsvc.store.database import installation
from healthsvc.wire.files.csv_events import name_of
from healthsvc.wiring.database import engine_on

FOLD_SECONDS = 60.0
SHOWN_FIRST = (Archetype.LEAVING, Archetype.UNSERVED, Archetype.SILENT, Archetype.ADVOCATE)

_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def demo(
    customers: Annotated[int, typer.Option(min=1, max=100_000, help="Number of customers.")] = 300,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the fleet: another number makes another fleet.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the events into a file instead.")
    ] = False,
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

    Its customers are called "Synthetic …", and its events have the source "demo". Running it again
    sends the same fleet, which is counted once; another --seed makes another fleet.
    """
    with configured(interrupted=RESUMABLE) as settings:
        if dry_run:
            lines = history.lines(history.Demo(seed=seed, customers=customers, end_us=now_us()))
            history.write(lines, out)
            show(
                {"file": str(out), "events": len(lines)},
                as_json,
                f"{len(lines):,} synthetic events in {out}",
            )
            return
        target = OutputTarget(settings=settings, url=url, key=key, kafka=kafka, database=database)
        requested = history.Demo(seed=seed, customers=customers, end_us=now_us())
        with target.ready() as address:
            fleet = _fleet(settings.data_dir, requested)
            _errors.print(f"Making {customers} synthetic customers …")
            lines = history.lines(fleet)
            job = Job(
                label=f"demo fleet {seed}",
                groups=lambda after: history.groups(lines, target.batch, after=after),
                name=lambda identity: name_of("demo", str(fleet), identity),
                total=len(lines),
                position=lambda tally: tally.line,
                pace=ReplayPace(speed=speed) if speed else None,
                restart=restart,
            )
            report = asyncio.run(send(target, address, job))
            waiting = asyncio.run(_fold(address)) if address else 0
        report.tell(as_json=as_json)
        if not as_json:
            examples = history.examples(fleet, lines)
            _look_here(examples, url or f"http://{settings.host}:{settings.port}", waiting)


def _fleet(data_dir: Path, requested: history.Demo) -> history.Demo:
    """The fleet as this installation sent it before, by whichever way."""
    fleet = history.remembered(data_dir / "replay" / f"demo-{requested.seed}.json", requested)
    if requested.end_us - fleet.end_us > DAY_US:
        end = datetime.fromtimestamp(fleet.end_us / 1e6, UTC)
        _errors.print(
            f"Fleet {fleet.seed} was made on {end:%d %B %Y}; another --seed makes one that ends"
            " now."
        )
    return fleet


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


def _look_here(examples: Mapping[Archetype, str], url: str, waiting: int) -> None:
    """What to try next."""
    if waiting:
        typer.echo(
            f"\n{waiting:,} events wait to be folded: start the service with `healthsvc up`, if it"
            " doesn't run."
        )
    get = f'curl -s -H "Authorization: Bearer $KEY" "{url}'
    typer.echo("\nLook at (KEY is an API key: the first one was printed by `healthsvc up`)")
    typer.echo(f'  {get}/v1/alerts?state=open"                  # what wants attention now')
    typer.echo(f'  {get}/v1/customers?sort=risk&limit=10"       # who is most at risk')
    for archetype in SHOWN_FIRST:
        if archetype in examples:
            typer.echo(
                f'  {get}/v1/customers/{examples[archetype]}/health/explanation"   #'
                f" {archetype.value}"
            )
