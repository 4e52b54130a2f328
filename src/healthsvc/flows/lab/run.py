"""What a run of the lab does with an exported log: outcomes from the log itself, a backtest, and
for a fit the model on all outcomes with its scorecard. A plain answer where the log can't tell: the
prior stays."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.section import RiskRules, as_data, model_key, risk_rules
from healthsvc.flows.lab.backtest import BacktestRequest, CannotJudgeError, backtest, part
from healthsvc.flows.lab.compare import watch
from healthsvc.flows.lab.fit import Fitted, fit, scorecard_with
from healthsvc.flows.lab.outcomes import OutcomeKind, from_log
from healthsvc.wire.files.columns import read_events
from healthsvc.wire.files.labels import Labels
from healthsvc.wire.files.row_groups import RowTally
from healthsvc.wire.scorecards.document import compile_document, default_document

ReportProgress = Callable[[str, float], None]
"""Says what is being done and how much of the run is done, 0..1."""

BULKY: Final = ("lead_days", "reliability")
"""Figures for drawing: left out of a summary."""
OUTCOMES_AT, BACKTEST_AT, FIT_AT = 0.35, 0.45, 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Options of a run."""

    kind: Literal["backtest", "fit", "drift"]
    outcome: OutcomeKind = "cancelled"
    horizon_days: float = 28.0
    fit_share: float = 0.5
    """Of the dates, those that the backtest fits on; the others are judged."""
    capacity: int = 25


def execute(
    events: Path,
    request: RunRequest,
    live_document: str,
    report: ReportProgress,
    *,
    live_since_us: int = 0,
    segments: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], str | None]:
    """The result, ready for JSON, and the key of its model; None if the prior stays."""
    live = compile_document(live_document).program.risk_rules
    if request.kind == "drift":
        return without_nan(_drift(events, request, live, report, live_since_us)), None
    mapping = live.mapping if live is not None else TypeMapping(recognises_ours=True)
    report("finding outcomes", OUTCOMES_AT)
    labels, result = outcomes(events, mapping, request.outcome, request.horizon_days)
    report("backtest", BACKTEST_AT)
    try:
        backtest_summary = _backtest_summary(
            events, labels, mapping, live, request, report, segments
        )
    except CannotJudgeError as error:
        return without_nan(result | _nothing(str(error))), None
    result |= backtest_summary
    rules = risk_rules(backtest_summary["model_data"])
    if request.kind == "fit":
        report("fitting on all outcomes", FIT_AT)
        fitted = fit(events, labels, mapping, None, lambda text: report(text, FIT_AT + 0.1))
        rules = fitted.rules
        result |= _fitted(fitted, live_document)
    prior_stays = rules is None or rules.model.name == "prior"
    return without_nan(result), None if prior_stays or rules is None else model_key(rules)


def outcomes(
    events: Path, mapping: TypeMapping, outcome: OutcomeKind, horizon_days: float
) -> tuple[Labels, dict[str, Any]]:
    """Outcome rows from the log itself, and what there is to say of them."""
    labels = from_log(
        read_events(events, RowTally()), mapping, outcome, round(horizon_days * DAY_US)
    )
    return labels, {
        "outcome": outcome,
        "horizon_days": horizon_days,
        "rows": len(labels),
        "churners": len(
            {a for a, y in zip(labels.accounts, labels.churned.tolist(), strict=True) if y == 1}
        ),
    }


def _drift(
    events: Path, request: RunRequest, live: RiskRules | None, report: ReportProgress, since_us: int
) -> dict[str, Any]:
    """The live model against the outcomes that weren't known when it went live; `drift` is None
    without any."""
    result: dict[str, Any] = {"outcome": request.outcome, "drift": None, "detail": ""}
    if live is None or live.model.kind == "ranking":
        return result | {"model": "prior", "detail": "a ranking promises no level that could drift"}
    outcome = "silence" if live.model.kind == "probability_of_silence" else request.outcome
    report("finding outcomes", OUTCOMES_AT)
    horizon_us = live.model.horizon_us
    labels = from_log(read_events(events, RowTally()), live.mapping, outcome, horizon_us)
    labels = part(labels, labels.obs_us + horizon_us > since_us)
    result |= {"model": live.model.name, "outcome": outcome, "horizon_days": horizon_us / DAY_US}
    if not len(labels):
        return result | {"detail": "no outcome has matured since the model went live"}
    report("comparing with what was told", FIT_AT)
    return result | {"drift": watch(events, labels, live, lambda _: None)}


def _backtest_summary(
    events: Path,
    labels: Labels,
    mapping: TypeMapping,
    live: RiskRules | None,
    request: RunRequest,
    report: ReportProgress,
    segments: Mapping[str, str] | None,
) -> dict[str, Any]:
    """The backtest's summary: figures of the model and of what it is held against, and the ship
    gate's verdict."""
    refuse_without_outcomes(labels, request.horizon_days, request.fit_share)
    backtest_request = BacktestRequest(
        events=events,
        labels=labels,
        mapping=mapping,
        capacity=request.capacity,
        live=None if live is None else live.model,
        earlier_share=request.fit_share,
        segments=segments,
    )
    full = backtest(backtest_request, lambda text: report(text, (BACKTEST_AT + FIT_AT) / 2))
    summary = full["summary"]
    return {
        "model": summary["model"],
        "reason": summary["reason"],
        "detail": summary["models"][0].get("detail", ""),
        "risk_kind": summary["risk_kind"],
        "judged_from": full["judged_from"],
        "figures": _summary(full["model"]),
        "beside": {name: _summary(figures) for name, figures in full["beside"].items()},
        "steps": full["steps"],
        "by_segment": {name: _summary(figures) for name, figures in full["by_segment"].items()},
        "gate": full["gate"],
        "warnings": summary["warnings"],
        "model_data": full["model_data"],
        "scorecard": None,
    }


def refuse_without_outcomes(labels: Labels, horizon_days: float, share: float = 0.0) -> None:
    """A judgement needs both outcomes on the dates that it judges: those after a share of them.
    Raises CannotJudgeError."""
    if not len(labels):
        raise CannotJudgeError(
            f"no customer is at risk at any date with a horizon of {horizon_days:g} days"
        )
    dates = np.unique(labels.obs_us)
    if share and len(dates) < 3:
        return  # backtest says so
    late = labels.churned[labels.obs_us >= dates[int(len(dates) * share)]]
    if not 0 < float(late.mean()) < 1:
        raise CannotJudgeError("on the dates to be judged all customers have the same outcome")


def _fitted(fitted: Fitted, live_document: str) -> dict[str, Any]:
    """What the fit on all outcomes came to, over what the backtest's own model was called; its
    scorecard, if any."""
    stays = fitted.rules.model.name == "prior"
    return {
        "model": fitted.report["model"],
        "reason": fitted.report["reason"],
        "detail": fitted.verdict.detail,
        "risk_kind": fitted.report["risk_kind"],
        "fitted_as_of": fitted.report["as_of"],
        "scorecard": None
        if stays
        else scorecard_with(live_document or default_document(), fitted.rules),
        "model_data": None if stays else as_data(fitted.rules),
    }


def _nothing(why: str) -> dict[str, Any]:
    return {
        "model": "prior",
        "reason": "no_evidence",
        "detail": why,
        "risk_kind": "ranking",
        "judged_from": None,
        "figures": None,
        "beside": {},
        "steps": None,
        "by_segment": {},
        "gate": None,
        "warnings": [],
        "model_data": None,
        "scorecard": None,
    }


def _summary(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name not in BULKY}


def without_nan(data: dict[str, Any]) -> dict[str, Any]:
    """Ready for JSON, which doesn't have NaN."""
    return {str(name): _plain(value) for name, value in data.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return without_nan(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
