"""What the lab's commands share: their options, the history they read, the outcomes they judge by,
how they answer."""

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from healthsvc.cli.options import configured
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.section import RiskRules
from healthsvc.flows.lab.outcomes import from_log
from healthsvc.wire.files.columns import TIME_RULE, instants, read_events
from healthsvc.wire.files.file_lines import FileRefusedError
from healthsvc.wire.files.labels import Labels, read_labels
from healthsvc.wire.files.row_groups import RowTally
from healthsvc.wire.files.type_mapping import load_type_mapping
from healthsvc.wire.scorecards.document import compile_document
from healthsvc.wiring.database import any_database
from healthsvc.wiring.lab import archived

_errors = Console(stderr=True, highlight=False, soft_wrap=True)

Events = Annotated[
    Path,
    typer.Option(exists=True, dir_okay=False, help="CSV: account_id, ts, type, value; .gz too."),
]
EventsOrNot = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="CSV: account_id, ts, type, value; .gz too."),
]
Archive = Annotated[
    bool,
    typer.Option(
        "--archive",
        help="The service's own archive, live scorecard and segments, instead of --events.",
    ),
]
Rows = Annotated[
    Path,
    typer.Option(
        exists=True, dir_okay=False, help="CSV: account_id, obs_ts, horizon_days; .gz too."
    ),
]
Mapped = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="YAML that maps act, neutral, trouble and outcome to event types.  [default: by name]",
    ),
]


class OutcomeName(StrEnum):
    """What counts as churn, where no rows with outcomes are given."""

    CANCELLED = "cancelled"
    SILENCE = "silence"


Known = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="CSV with `churned`.  [default: from the log, see --outcome]",
    ),
]
OutcomeOf = Annotated[
    OutcomeName | None,
    typer.Option(
        help="Derive outcomes from the log: from an outcome event, or from no act over the horizon."
    ),
]
Horizon = Annotated[float, typer.Option(min=3, max=3650, help="Horizon of --outcome, in days.")]


def outcome_rows(
    events: Path,
    labels: Path | None,
    outcome: OutcomeName | None,
    horizon_days: float,
    mapping: TypeMapping,
) -> Labels:
    """The outcome rows of a file, or those derived from the log itself."""
    if labels is not None:
        labels_read = read_labels(labels, outcomes=True)
        if not len(labels_read):
            raise FileRefusedError(f"{labels}: has no rows")
        return labels_read
    if outcome is None:
        raise FileRefusedError("give --labels, or --outcome to take outcomes from the log itself")
    rows = from_log(
        read_events(events, RowTally()), mapping, outcome.value, round(horizon_days * DAY_US)
    )
    if not len(rows):
        raise FileRefusedError(
            f"{events}: no customer is at risk at any date with a horizon of {horizon_days:g} days"
        )
    tell(f"outcome {outcome.value}: {len(rows):,} rows, {rows.churned.mean():.1%} churned")
    return rows


@dataclass(frozen=True, slots=True)
class Log:
    """The log to replay; of the archive, also the live scorecard and the segments."""

    events: Path
    live_document: str | None = None
    segments: Mapping[str, str] | None = None

    def card(self, path: Path | None) -> str | None:
        """The scorecard given, else the live one."""
        return path.read_text() if path else self.live_document


@contextmanager
def history_of(events: Path | None, archive: bool) -> Iterator[Log]:
    """The file, or the service's archive written as one."""
    if archive == (events is not None):
        raise FileRefusedError("give either --events, or --archive for the service's own")
    if events is not None:
        yield Log(events)
        return
    with tempfile.TemporaryDirectory(prefix="healthsvc-lab-") as folder:
        with configured() as settings, any_database(settings) as url:
            exported = asyncio.run(
                archived(url, settings, Path(folder) / "events.csv.gz", lambda *_: None)
            )
        yield Log(exported.events, exported.live_document, exported.segments)


def type_mapping(path: Path | None, log: Log) -> TypeMapping:
    """The mapping given, else the live scorecard's."""
    live = (
        compile_document(log.live_document).program.risk_rules
        if log.live_document is not None
        else None
    )
    return mapping_of(path) if path or live is None else live.mapping


def risk_rules(document: str) -> RiskRules:
    rules = compile_document(document).program.risk_rules
    if rules is None:
        raise FileRefusedError("the scorecard has no /risk section")
    return rules


def instant(text: str | None) -> int | None:
    """The microseconds of an --as-of. Raises FileRefusedError."""
    if text is None:
        return None
    us, ok, _ = instants([text])
    if not ok[0]:
        raise FileRefusedError(f"--as-of must be {TIME_RULE}, got {text!r}")
    return int(us[0])


def mapping_of(path: Path | None) -> TypeMapping:
    return load_type_mapping(path) if path else TypeMapping(recognises_ours=True)


def tell(text: str) -> None:
    """On standard error, for people."""
    _errors.print(text, markup=False)


def answer(result: dict[str, Any]) -> None:
    """The result, in JSON, on standard output."""
    typer.echo(json.dumps(result, ensure_ascii=False, indent=1))
