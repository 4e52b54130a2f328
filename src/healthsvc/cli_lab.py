"""The commands `lab …`: scores, fits and judgements by replay of a history, before anything goes live."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.flows.lab import score as scoring
from healthsvc.wire.columns import read_labels
from healthsvc.wire.files import FileRefusedError
from healthsvc.wire.mappings import load_type_mapping

_errors = Console(stderr=True, highlight=False, soft_wrap=True)

lab = typer.Typer(help="Scores, fits and judgements by replay of a history.", no_args_is_help=True)

Events = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="CSV: account_id, ts, type, value; .gz too.")]
Rows = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="CSV: account_id, obs_ts, horizon_days; .gz too.")
]
Mapped = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="YAML: act, neutral, trouble, outcome → types.  [default: by name]"),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the main one."""
    app.add_typer(lab, name="lab")


@lab.command("score")
def score_command(
    events: Events,
    labels: Rows,
    out: Annotated[Path, typer.Option(dir_okay=False, help="CSV to write: account_id, obs_ts, risk.")],
    fit: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Rows with `churned` to fit on first; .gz too.  [default: none]"
        ),
    ] = None,
    mapping: Mapped = None,
) -> None:
    """Score each row of --labels with what was known at its obs_ts. What the file tells of outcomes is never read.

    Without --fit the risk is the prior's ranking. With it, the model is fitted on the rows whose horizon ended before
    the first obs_ts to score; with too little evidence the prior stays. A summary in JSON goes to standard output.
    """
    with _complaining():
        rows = read_labels(labels, outcomes=False)
        known = read_labels(fit, outcomes=True) if fit else None
        found = scoring.score(events, rows, fit=known, mapping=_mapping(mapping), tell=_tell)
        scoring.write_scores(out, rows, found.risks)
        told = scoring.summary(found, rows)
        for warning in told["warnings"]:
            _tell(f"warning: {warning}")
        _answer(told)


def _mapping(path: Path | None) -> TypeMapping:
    return load_type_mapping(path) if path else TypeMapping()


def _tell(text: str) -> None:
    _errors.print(text, markup=False)


def _answer(told: dict[str, Any]) -> None:
    typer.echo(json.dumps(told, ensure_ascii=False, indent=1))


@contextmanager
def _complaining() -> Iterator[None]:
    """Expected trouble as one sentence on standard error."""
    try:
        yield
    except (FileRefusedError, OSError) as error:
        _tell(str(error))
        raise typer.Exit(1) from None
