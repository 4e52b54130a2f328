"""The commands of the lab that fit and judge the churn risk by replay of a history."""

from pathlib import Path
from typing import Annotated

import typer

from healthsvc.cli.errors import errors_reported
from healthsvc.cli.lab.inputs import (
    Archive,
    Events,
    EventsOrNot,
    Horizon,
    Known,
    Mapped,
    OutcomeName,
    OutcomeOf,
    Rows,
    answer,
    history_of,
    instant,
    mapping_of,
    outcome_rows,
    risk_rules,
    tell,
    type_mapping,
)
from healthsvc.flows.lab import backtest as backtesting
from healthsvc.flows.lab import compare as comparing
from healthsvc.flows.lab import fit as fitting
from healthsvc.flows.lab import score as scoring
from healthsvc.flows.lab import score_results
from healthsvc.flows.lab.reports.backtest import page
from healthsvc.wire.files.labels import read_labels, read_segments
from healthsvc.wire.scorecards.document import compile_document, default_document


def score(
    events: Events,
    labels: Rows,
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="CSV to write: account_id, obs_ts, risk.")
    ],
    fit: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Rows with `churned` to fit on first; .gz too.  [default: none]",
        ),
    ] = None,
    mapping: Mapped = None,
) -> None:
    """Score each row of --labels with what was known at its obs_ts; outcomes in the file are never
    read. Without --fit the risk is the prior's ranking. With it, a model is fitted on the rows
    whose horizon ended before the first obs_ts to score; with too little evidence the prior stays.
    Prints a summary in JSON.
    """
    with errors_reported():
        rows = read_labels(labels, outcomes=False)
        labelled = read_labels(fit, outcomes=True) if fit else None
        scored = scoring.score(events, rows, fit=labelled, mapping=mapping_of(mapping), tell=tell)
        score_results.write_scores(out, rows, scored.risks)
        result = score_results.summary(scored, rows)
        for warning in result["warnings"]:
            tell(f"warning: {warning}")
        answer(result)


def backtest(
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
    mapping: Mapped = None,
    scorecard: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Live scorecard to compare with."),
    ] = None,
    capacity: Annotated[
        int, typer.Option(min=1, help="Customers whom the team can call per date.")
    ] = 25,
    segments: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="CSV of account_id, segment: figures for each."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="HTML page to write, with pictures.")
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(help="Let it ship despite the gate, for this reason, which is stored."),
    ] = None,
) -> None:
    """Fit on the earlier two thirds of the dates and judge on the rest, compared with the prior and
    the usual baselines.
    """
    with errors_reported(), history_of(events, archive) as log:
        types = type_mapping(mapping, log)
        request = backtesting.BacktestRequest(
            events=log.events,
            labels=outcome_rows(log.events, labels, outcome, horizon_days, types),
            mapping=types,
            capacity=capacity,
            live=risk_rules(card).model if (card := log.card(scorecard)) is not None else None,
            override=override,
            segments=read_segments(segments) if segments else log.segments,
        )
        result = backtesting.backtest(request, tell)
        if report is not None:
            report.write_text(page(result), encoding="utf-8")
            tell(f"the report is in {report}")
        answer(result)


def fit(
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
    mapping: Mapped = None,
    scorecard: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Scorecard to put the model into.  [default: the default one]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Scorecard (YAML) to write, ready to publish."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Use only outcomes known by this time.", metavar="TIME")
    ] = None,
    silence: Annotated[
        bool,
        typer.Option(
            "--prior-as-silence",
            help="Keep the prior, as a probability of silence over the horizon.",
        ),
    ] = False,
    base_rate: Annotated[
        float | None,
        typer.Option(
            min=0.0001,
            max=0.9999,
            help="Keep the prior, as a churn probability from this stated base rate.",
        ),
    ] = None,
) -> None:
    """Fit a model on all outcomes known, and write the scorecard with it. With too little evidence
    the prior stays.

    Without outcomes the prior can still become a number: --prior-as-silence, or --base-rate.
    """
    with errors_reported(), history_of(events, archive) as log:
        types = type_mapping(mapping, log)
        if silence or base_rate is not None:
            labelled = outcome_rows(log.events, None, OutcomeName.SILENCE, horizon_days, types)
            rules, result = fitting.number_prior(log.events, labelled, types, base_rate, tell)
        else:
            labelled = outcome_rows(log.events, labels, outcome, horizon_days, types)
            fitted = fitting.fit(log.events, labelled, types, instant(as_of), tell)
            rules, result = fitted.rules, fitted.report
        if out is not None:
            document = fitting.scorecard_with(log.card(scorecard) or default_document(), rules)
            compile_document(
                document
            )  # a horizon of less than three days can be fitted, but not kept live
            out.write_text(document, encoding="utf-8")
            tell(f"the scorecard is in {out}")
        answer(result)


def compare(
    one: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A scorecard (YAML).")],
    other: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="The scorecard (YAML) to compare it with."
        ),
    ],
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
    capacity: Annotated[
        int, typer.Option(min=1, help="Customers whom the team can call per date.")
    ] = 25,
) -> None:
    """Compare two scorecards' risks on the same rows, and show which customers would move. `lab
    replay` shows the health score's bands.
    """
    with errors_reported(), history_of(events, archive) as log:
        first, second = risk_rules(one.read_text()), risk_rules(other.read_text())
        labelled = outcome_rows(log.events, labels, outcome, horizon_days, first.mapping)
        answer(comparing.compare(log.events, labelled, first, second, capacity, tell))


def preview(
    scorecard: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The scorecard (YAML) to preview.")
    ],
    events: EventsOrNot = None,
    archive: Archive = False,
    live: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="The live scorecard.  [default: the default one]"
        ),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="As of this time.  [default: the last event]", metavar="TIME")
    ] = None,
) -> None:
    """Preview a scorecard's risks as of now, and which customers would move against the live one.
    No outcomes are used. `lab replay` shows the health score's bands.
    """
    with errors_reported(), history_of(events, archive) as log:
        new, old = risk_rules(scorecard.read_text()), risk_rules(log.card(live) or "")
        rows = comparing.everyone(log.events, instant(as_of), new.model.horizon_us)
        answer(comparing.preview(log.events, rows, new, old, tell))


def drift(
    scorecard: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A scorecard with a fitted model.")
    ],
    events: EventsOrNot = None,
    archive: Archive = False,
    labels: Known = None,
    outcome: OutcomeOf = None,
    horizon_days: Horizon = 28.0,
) -> None:
    """Check a fitted model against matured outcomes; an alarm means that it should be fitted
    again."""
    with errors_reported(), history_of(events, archive) as log:
        rules = risk_rules(scorecard.read_text())
        labelled = outcome_rows(log.events, labels, outcome, horizon_days, rules.mapping)
        answer(comparing.watch(log.events, labelled, rules, tell))
