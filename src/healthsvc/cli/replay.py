"""The command `replay`: a file of events through the log."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from healthsvc.cli.errors import FAILED
from healthsvc.cli.options import AsJson, Database, Kafka, Key, Restart, Speed, Url, configured
from healthsvc.cli.outputs import OutputTarget
from healthsvc.cli.sending import RESUMABLE, Job, send
from healthsvc.flows.intake.replay_pace import ReplayPace
from healthsvc.wire.files.csv_events import load_mapping
from healthsvc.wire.files.event_file import STDIN, EventFile, fingerprint


def replay(
    file: Annotated[
        str, typer.Argument(help="NDJSON of events, or CSV; .gz too; - is standard input.")
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=(
                "YAML for a CSV: columns, fixed, types, data, text, timezone, dates.  [default: the"
                " header's own names]"
            ),
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    kafka: Kafka = False,
    database: Database = None,
    speed: Speed = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first line that isn't an event.")
    ] = False,
    restart: Restart = False,
    as_json: AsJson = False,
) -> None:
    """Stream a file of events through the log, at full speed or in compressed time.

    After an interruption run it again: it resumes where it stopped, and events sent twice are
    counted once. Lines that aren't events are set aside and reported by number.
    """
    with configured(interrupted=RESUMABLE) as settings:
        target = OutputTarget(settings=settings, url=url, key=key, kafka=kafka, database=database)
        source = EventFile(path=file, mapping=load_mapping(mapping) if mapping else None)
        if (dialect := source.described()) is not None:
            typer.echo(f"{file}: {dialect}", err=True)
        salt = mapping.read_text() if mapping else ""
        job = Job(
            label=Path(file).name,
            groups=lambda after: source.groups(target.batch, after=after),
            name=lambda identity: None if file == STDIN else fingerprint(file, salt, identity),
            total=source.size,
            position=lambda _: source.bytes_read(),
            pace=ReplayPace(speed=speed) if speed else None,
            strict=strict,
            restart=restart,
        )
        with target.ready() as address:
            report = asyncio.run(send(target, address, job))
        report.tell(as_json=as_json)
    if report.nothing_done:
        raise typer.Exit(FAILED)
