"""`lab backtest`: fitted on the earlier dates, judged on the later ones, beside the prior and the
usual baselines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.errors import InvalidInput
from healthsvc.core.fit import baselines, feature_set, gate
from healthsvc.core.fit.figures import ObservedRows, figures, gaps, lift_curve
from healthsvc.core.fit.steps import average, over_steps
from healthsvc.core.instants import DAY_US, from_us
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.model import Model
from healthsvc.core.risk.section import RiskRules, as_data
from healthsvc.flows.lab.boosting import boosting
from healthsvc.flows.lab.score import Scored, Tell, score
from healthsvc.flows.lab.score_results import summary
from healthsvc.wire.files.labels import Labels

EARLIER_SHARE: Final = 2 / 3
CURVE: Final = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRequest:
    """What a backtest is to do."""

    events: Path
    labels: Labels
    mapping: TypeMapping
    capacity: int = 25
    live: Model | None = None
    """The model of the live version, to be held against."""
    override: str | None = None
    """Why it may ship although the gate says no."""
    segments: Mapping[str, str] | None = None
    """Segment of each customer."""
    earlier_share: float = EARLIER_SHARE
    """Of the dates, those fitted on."""


class CannotJudgeError(InvalidInput, ValueError):
    """The rows can't be judged."""


def part(labels: Labels, keep: "np.ndarray[Any, np.dtype[np.bool_]]") -> Labels:
    """Some of the rows."""
    at = np.flatnonzero(keep).tolist()
    return Labels(
        [labels.accounts[i] for i in at],
        [labels.obs[i] for i in at],
        labels.obs_us[keep],
        labels.horizon_us[keep],
        labels.churned[keep],
        labels.churn_us[keep],
    )


def backtest(request: BacktestRequest, tell: Tell) -> dict[str, Any]:
    """The figures, ready for JSON; `model_data` is the fitted model as the scorecard's section."""
    labelled = part(request.labels, ~np.isnan(request.labels.churned))
    dates = np.unique(labelled.obs_us)
    horizons = np.unique(labelled.horizon_us)
    if len(dates) < 3:
        raise CannotJudgeError(
            f"{len(dates)} observation dates: at least 3 are needed to fit on some and judge on"
            " others"
        )
    if len(horizons) > 1:
        raise CannotJudgeError("rows of several horizons: judge one horizon at a time")
    boundary = dates[int(len(dates) * request.earlier_share)]
    early, late = (
        part(labelled, labelled.obs_us < boundary),
        part(labelled, labelled.obs_us >= boundary),
    )
    horizon_us = int(horizons[0])
    tell(
        f"fitting on dates before {from_us(int(boundary)):%Y-%m-%d}, judging {len(late):,} rows"
        " from then on"
    )
    probe = _probe(horizon_us)
    fitted = score(
        request.events, late, fit=early, mapping=request.mapping, tell=tell, probe=lambda _: probe
    )
    rows = observed_rows(late)
    risks = _others(request, late, fitted, probe, tell)
    model = fitted.models[horizon_us]
    comparisons = {
        name: figures(rows, r, capacity=request.capacity, probability=p)
        for name, (r, p) in risks.items()
    }
    main = figures(
        rows, fitted.risks, capacity=request.capacity, probability=model.kind != "ranking"
    )
    result = {
        "summary": summary(fitted, late),
        "judged_from": from_us(int(boundary)).strftime("%Y-%m-%d"),
        "dates": {
            "fitted": int((dates < boundary).sum()),
            "judged": int((dates >= boundary).sum()),
        },
        "horizon_days": horizon_us / DAY_US,
        "model": main | gaps(rows, fitted.risks),
        "lift_curve": {
            "share_of_customers": CURVE,
            "share_of_churners": lift_curve(rows.y, fitted.risks, CURVE),
        },
        "distribution": distribution(fitted.risks),
        "steps": over_steps(rows, fitted.risks, average(rows, fitted.risks)),
        "beside": comparisons,
        "by_segment": _by_segment(
            request, late, rows, fitted.risks, probability=model.kind != "ranking"
        ),
        "not_run": (
            []
            if "boosting" in comparisons
            else ["boosting: scikit-learn isn't installed, or the fit had no evidence"]
        ),
        "model_data": as_data(RiskRules(request.mapping, model)),
    }
    return result | {"gate": _gate(request, main, comparisons)}


def _probe(horizon_us: int) -> tuple[Feature, ...]:
    return tuple(
        dict.fromkeys((*baselines.features(horizon_us), *feature_set.of_kinds(horizon_us)))
    )


def observed_rows(labels: Labels) -> ObservedRows:
    """The rows as the figures take them."""
    _, customer = np.unique(np.array(labels.accounts, dtype=object), return_inverse=True)
    return ObservedRows(labels.churned, labels.obs_us, customer.astype(np.int64), labels.churn_us)


def _others(
    request: BacktestRequest, late: Labels, fitted: Scored, probe: tuple[Feature, ...], tell: Tell
) -> dict[str, tuple[Floats, bool]]:
    """Risks by the prior, the live version and the baselines, and whether each claims to be a
    probability."""
    horizon_us = int(late.horizon_us[0])
    plain = replace(late, churned=np.full(len(late), np.nan))
    risks_by_name = {"prior": (score(request.events, plain, mapping=request.mapping).risks, False)}
    if request.live is not None:
        live = replace(request.live, horizon_us=horizon_us)
        of_live = score(
            request.events, plain, mapping=request.mapping, models={horizon_us: live}
        ).risks
        risks_by_name["live"] = (of_live, live.kind != "ranking")
    rows = fitted.scoring_pass.fitted_on.get(horizon_us)
    if rows is None or not len(rows.y) or not 0 < rows.y.mean() < 1:
        return risks_by_name
    places = {f: i for i, f in enumerate(rows.names)}
    usual = [places[f] for f in baselines.features(horizon_us)]
    usual_probe = [probe.index(f) for f in baselines.features(horizon_us)]
    probabilities = {"base_rate", "rfm_logistic"}
    for name, r in baselines.risks(
        rows.x[:, usual], rows.y, fitted.scoring_pass.probed[:, usual_probe]
    ).items():
        risks_by_name[name] = (r, name in probabilities)
    boost = boosting()
    if boost is not None:
        tell("boosting, as a reference")
        risks_by_name["boosting"] = (
            boost(rows.x[:, [places[f] for f in probe]], rows.y, fitted.scoring_pass.probed),
            True,
        )
    return risks_by_name


def distribution(risks: Floats) -> dict[str, Any]:
    """How the risks lie: rows in twenty equal spans up to the largest risk, and quantiles."""
    edges = np.linspace(0, max(float(risks.max()), 1e-6), 21)
    counts, _ = np.histogram(risks, edges)
    quantiles = {f"p{q}": float(np.quantile(risks, q / 100)) for q in (5, 25, 50, 75, 95, 99)}
    return {"edges": edges.tolist(), "rows": counts.tolist(), **quantiles}


def _by_segment(
    request: BacktestRequest, late: Labels, rows: ObservedRows, risks: Floats, *, probability: bool
) -> dict[str, dict[str, Any]]:
    """The same figures for each segment that has churners and others."""
    if request.segments is None:
        return {}
    segment = np.array([request.segments.get(a, "") for a in late.accounts], dtype=object)
    by_segment, reference = {}, average(rows, risks)
    for name in sorted(set(segment.tolist())):
        mine = segment == name
        if 0 < rows.y[mine].sum() < mine.sum():
            segment_rows = ObservedRows(
                rows.y[mine], rows.obs_us[mine], rows.customer[mine], rows.churn_us[mine]
            )
            segment_figures = figures(
                segment_rows, risks[mine], capacity=request.capacity, probability=probability
            )
            by_segment[name or "(none)"] = segment_figures | {
                "steps": over_steps(segment_rows, risks[mine], reference)
            }
    return by_segment


def _gate(
    request: BacktestRequest, main: dict[str, Any], comparisons: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    against = "the live version" if "live" in comparisons else "the prior"
    checks = gate.gate(main, comparisons.get("live", comparisons["prior"]), None, against)
    return gate.verdict(checks, request.override)
