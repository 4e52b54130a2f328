"""The commands `lab …`: scores, fits and judgements by replay of a history, before anything goes live."""

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

from healthsvc.cli.scorecards import surroundings
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.section import RiskRules
from healthsvc.flows.lab import backtest as backtesting
from healthsvc.flows.lab import compare as comparing
from healthsvc.flows.lab import fit as fitting
from healthsvc.flows.lab import score as scoring
from healthsvc.flows.lab.backtest import CannotJudgeError
from healthsvc.flows.lab.outcomes import from_log
from healthsvc.flows.lab.reports.backtest import page
from healthsvc.wire.files.columns import TIME_RULE, Labels, Tally, instants, read_events, read_labels, read_segments
from healthsvc.wire.files.event_file import FileRefusedError
from healthsvc.wire.files.type_mapping import load_type_mapping
from healthsvc.wire.scorecards.document import ScorecardError, compile_document, default_document
from healthsvc.wiring.database import any_database
from healthsvc.wiring.lab import archived

_errors = Console(stderr=True, highlight=False, soft_wrap=True)

lab = typer.Typer(help="Scores, fits and judgements by replay of a history.", no_args_is_help=True)

Events = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="CSV: account_id, ts, type, value; .gz too.")]
EventsOrNot = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="CSV: account_id, ts, type, value; .gz too.")
]
Archive = Annotated[
    bool, typer.Option("--archive", help="The service's own archive, live scorecard and segments, instead of --events.")
]
Rows = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="CSV: account_id, obs_ts, horizon_days; .gz too.")
]
Mapped = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="YAML: act, neutral, trouble, outcome → types.  [default: by name]"),
]


class OutcomeName(StrEnum):
    """What counts as churn, where no rows with outcomes are given."""

    CANCELLED = "cancelled"
    SILENCE = "silence"


Known = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="CSV with `churned`.  [default: from the log, see --outcome]"),
]
OutcomeOf = Annotated[
    OutcomeName | None, typer.Option(help="Outcomes from the log: an outcome's event, or no act over the horizon.")
]
Horizon = Annotated[float, typer.Option(min=3, max=3650, help="For --outcome.")]


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
    with complaining():
        rows = read_labels(labels, outcomes=False)
        known = read_labels(fit, outcomes=True) if fit else None
        found = scoring.score(events, rows, fit=known, mapping=_mapping(mapping), tell=tell)
        scoring.write_scores(out, rows, found.risks)
        told = scoring.summary(found, rows)
        for warning in told["warnings"]:
            tell(f"warning: {warning}")
        answer(told)


@lab.command("backtest")
def backtest_command(
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
    mapping: Mapped = None,
    scorecard: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Scorecard of the live version, to be held against."),
    ] = None,
    capacity: Annotated[int, typer.Option(min=1, help="Customers whom the team can call per date.")] = 25,
    segments: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="CSV of account_id, segment: figures for each.")
    ] = None,
    report: Annotated[Path | None, typer.Option(dir_okay=False, help="HTML page to write, with pictures.")] = None,
    override: Annotated[str | None, typer.Option(help="Why it may ship although the gate says no; kept.")] = None,
) -> None:
    """Fit on the earlier two thirds of the dates, judge on the rest; beside the prior and the usual baselines."""
    with complaining(), _history(events, archive) as log:
        types = _types(mapping, log)
        asked = backtesting.BacktestRequest(
            events=log.events,
            labels=_known(log.events, labels, outcome, horizon_days, types),
            mapping=types,
            capacity=capacity,
            live=_rules(card).model if (card := log.card(scorecard)) is not None else None,
            override=override,
            segments=read_segments(segments) if segments else log.segments,
        )
        found = backtesting.backtest(asked, tell)
        if report is not None:
            report.write_text(page(found), encoding="utf-8")
            tell(f"the report is in {report}")
        answer(found)


@lab.command("fit")
def fit_command(
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
    mapping: Mapped = None,
    scorecard: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Scorecard to put the model into.  [default: the default one]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Scorecard (YAML) to write, to be published.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="Use only outcomes known by this time.", metavar="TIME")] = None,
    silence: Annotated[
        bool, typer.Option("--prior-as-silence", help="Keep the prior, as a probability of silence over the horizon.")
    ] = False,
    base_rate: Annotated[
        float | None,
        typer.Option(min=0.0001, max=0.9999, help="Keep the prior, as a churn probability from this stated base rate."),
    ] = None,
) -> None:
    """Fit a model on all outcomes known, and write the scorecard with it. With too little evidence the prior stays.

    Without outcomes the prior can still become a number: --prior-as-silence, or --base-rate.
    """
    with complaining(), _history(events, archive) as log:
        types = _types(mapping, log)
        if silence or base_rate is not None:
            known = _known(log.events, None, OutcomeName.SILENCE, horizon_days, types)
            rules, told = fitting.number_prior(log.events, known, types, base_rate, tell)
        else:
            known = _known(log.events, labels, outcome, horizon_days, types)
            fitted = fitting.fit(log.events, known, types, instant(as_of), tell)
            rules, told = fitted.rules, fitted.told
        if out is not None:
            written = fitting.scorecard_with(log.card(scorecard) or default_document(), rules)
            compile_document(written)  # a horizon of less than three days can be fitted, but not kept live
            out.write_text(written, encoding="utf-8")
            tell(f"the scorecard is in {out}")
        answer(told)


@lab.command("compare")
def compare_command(
    one: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A scorecard (YAML).")],
    other: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Another one.")],
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
    capacity: Annotated[int, typer.Option(min=1, help="Customers whom the team can call per date.")] = 25,
) -> None:
    """Judge two scorecards' risks on the same rows, and say who would move.

    The health score's bands are told by `lab replay`.
    """
    with complaining(), _history(events, archive) as log:
        first, second = _rules(one.read_text()), _rules(other.read_text())
        known = _known(log.events, labels, outcome, horizon_days, first.mapping)
        answer(comparing.compare(log.events, known, first, second, capacity, tell))


@lab.command("preview")
def preview_command(
    scorecard: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The scorecard (YAML) to look at.")],
    events: EventsOrNot = None,
    archive: Archive = False,
    live: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The live scorecard.  [default: the default one]"),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="As of this time.  [default: the last event]", metavar="TIME")
    ] = None,
) -> None:
    """Say how a scorecard's risks would lie now, and who would move against the live one. No outcome is looked at.

    The health score's bands are told by `lab replay`.
    """
    with complaining(), _history(events, archive) as log:
        new, old = _rules(scorecard.read_text()), _rules(log.card(live) or "")
        rows = comparing.everyone(log.events, instant(as_of), new.model.horizon_us)
        answer(comparing.preview(log.events, rows, new, old, tell))


@lab.command("drift")
def drift_command(
    scorecard: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A scorecard with a fitted model.")],
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
) -> None:
    """Hold matured outcomes against what a fitted model tells of them; an alarm says when to fit anew."""
    with complaining(), _history(events, archive) as log:
        rules = _rules(scorecard.read_text())
        known = _known(log.events, labels, outcome, horizon_days, rules.mapping)
        answer(comparing.watch(log.events, known, rules, tell))


def _known(
    events: Path, labels: Path | None, outcome: OutcomeName | None, horizon_days: float, mapping: TypeMapping
) -> Labels:
    """The outcome rows of a file, or those that the log itself tells."""
    if labels is not None:
        told = read_labels(labels, outcomes=True)
        if not len(told):
            raise FileRefusedError(f"{labels}: has no rows")
        return told
    if outcome is None:
        raise FileRefusedError("give --labels, or --outcome to take outcomes from the log itself")
    found = from_log(read_events(events, Tally()), mapping, outcome.value, round(horizon_days * DAY_US))
    if not len(found):
        raise FileRefusedError(f"{events}: no customer is at risk at any date with a horizon of {horizon_days:g} days")
    tell(f"outcome {outcome.value}: {len(found):,} rows, {found.churned.mean():.1%} churned")
    return found


@dataclass(frozen=True, slots=True)
class _Log:
    """What is replayed; of the archive, what the service knows beside it."""

    events: Path
    live_document: str | None = None
    segments: Mapping[str, str] | None = None

    def card(self, given: Path | None) -> str | None:
        """The scorecard given, else the live one."""
        return given.read_text() if given else self.live_document


@contextmanager
def _history(events: Path | None, archive: bool) -> Iterator[_Log]:
    """The file, or the service's archive written as one."""
    if archive == (events is not None):
        raise FileRefusedError("give either --events, or --archive for the service's own")
    if events is not None:
        yield _Log(events)
        return
    with tempfile.TemporaryDirectory(prefix="healthsvc-lab-") as folder:
        with surroundings() as chosen, any_database(chosen) as url:
            found = asyncio.run(archived(url, chosen, Path(folder) / "events.csv.gz", lambda *_: None))
        yield _Log(found.events, found.live_document, found.segments)


def _types(given: Path | None, log: _Log) -> TypeMapping:
    """The mapping given, else the live scorecard's."""
    live = compile_document(log.live_document).program.risk_rules if log.live_document is not None else None
    return _mapping(given) if given or live is None else live.mapping


def _rules(document: str) -> RiskRules:
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


def _mapping(path: Path | None) -> TypeMapping:
    return load_type_mapping(path) if path else TypeMapping()


def tell(text: str) -> None:
    """On standard error, for people."""
    _errors.print(text, markup=False)


def answer(told: dict[str, Any]) -> None:
    """The result, in JSON, on standard output."""
    typer.echo(json.dumps(told, ensure_ascii=False, indent=1))


@contextmanager
def complaining() -> Iterator[None]:
    """Expected trouble as one sentence on standard error."""
    try:
        yield
    except (CannotJudgeError, FileRefusedError, OSError, ScorecardError) as error:
        tell(str(error))
        raise typer.Exit(1) from None
