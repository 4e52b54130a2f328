"""The command `lab replay`: the health score over the past, from the archive or a file of
events."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from healthsvc.cli.errors import errors_reported
from healthsvc.cli.lab.inputs import Archive, answer, instant, tell
from healthsvc.cli.options import configured
from healthsvc.core.instants import from_us
from healthsvc.flows.lab.recorded_decisions import Record, RecordedDecision
from healthsvc.flows.lab.replay import Cards, Past, Say, of_file, sentence
from healthsvc.flows.lab.reports.bands import page
from healthsvc.wire.files.csv_events import load_mapping
from healthsvc.wire.files.event_file import EventFile
from healthsvc.wire.files.file_lines import FileRefusedError
from healthsvc.wiring.database import any_database
from healthsvc.wiring.lab import CardTexts, replayed


class KnownByName(StrEnum):
    """When an event is known."""

    AUTO = "auto"
    COUNTED = "counted"
    OCCURRED = "occurred"


def replay(
    scorecard: Annotated[
        Path | None,
        typer.Argument(
            exists=True, dir_okay=False, help="Scorecard (YAML) to compare with the live one."
        ),
    ] = None,
    archive: Archive = False,
    events: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Replay a file of events instead, in the format of `healthsvc replay`.",
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Mapping (YAML) of a CSV, as for `healthsvc replay`."
        ),
    ] = None,
    live: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The live scorecard.  [default: the archive's, or of a file the default one]",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="The last date.  [default: now, or the file's last event]", metavar="TIME"
        ),
    ] = None,
    dates: Annotated[int, typer.Option(min=2, max=520, help="Number of dates.")] = 26,
    every_days: Annotated[
        int, typer.Option(min=1, max=90, help="Days from one date to the next.")
    ] = 7,
    known_by: Annotated[
        KnownByName,
        typer.Option(
            help=(
                "An event is known when it was counted, or when it occurred.  [default: counted,"
                " unless most of the "
                "archive was imported; of a file: occurred]"
            ),
            show_default=False,
        ),
    ] = KnownByName.AUTO,
    horizon_days: Annotated[
        float, typer.Option(min=3, max=3650, help="Days within which churn counts as predicted.")
    ] = 28,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="HTML page to write, with pictures.")
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="NDJSON to write: each alert, flag and change of band, customer by customer.",
        ),
    ] = None,
) -> None:
    """Replay the health score over the past, with only what was known at each date: bands by date
    and segment, moves, flips, alerts, and how well red predicted churn. With --scorecard, also the
    customers who would change bands.
    """
    with errors_reported():
        past = Past(
            dates=dates, every_days=every_days, horizon_days=horizon_days, known_by=known_by.value
        )
        if archive == (events is not None):
            raise FileRefusedError("give either --events, or --archive for the service's own")
        candidate = scorecard.read_text() if scorecard else None
        live_document = live.read_text() if live else None
        until_us = instant(as_of)
        until = None if until_us is None else from_us(until_us)
        if events is not None:
            file = EventFile(path=str(events), mapping=load_mapping(mapping) if mapping else None)
            cards = Cards.of(live_document or "", candidate)
            with _recording(decisions) as record:
                result = of_file(file, cards, past, until, _by_tenths(), record)
        else:
            with configured() as settings, any_database(settings) as url:
                with _recording(decisions) as record:
                    result = asyncio.run(
                        replayed(
                            url,
                            settings,
                            CardTexts(live_document, candidate),
                            past,
                            until,
                            _by_tenths(),
                            record,
                        )
                    )
        _conclude(result, report)


@contextmanager
def _recording(path: Path | None) -> Iterator[Record | None]:
    """Writes decisions to a file as they come; None: nobody asked for them."""
    if path is None:
        yield None
        return
    with path.open("w", encoding="utf-8") as file:

        def record(decisions: Sequence[RecordedDecision]) -> None:
            file.writelines(json.dumps(one.as_data()) + "\n" for one in decisions)

        yield record


def _conclude(result: dict[str, Any], report: Path | None) -> None:
    tell(sentence(result))
    for warning in result["warnings"]:
        tell(f"warning: {warning}")
    if report is not None:
        report.write_text(page(result), encoding="utf-8")
        tell(f"the report is in {report}")
    answer(result)


def _by_tenths() -> Say:
    """Report progress at each tenth."""
    reported = 0

    def say(what: str, progress: float) -> None:
        nonlocal reported
        if int(progress * 10) > reported:
            reported = int(progress * 10)
            tell(f"{what}: {reported * 10} %")

    return say
