"""`lab compare`, `preview` and `drift`: what a scorecard says of the same customers as another, or
as what happened."""

from pathlib import Path
from typing import Any

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.fit import standard_errors
from healthsvc.core.fit.drift import drift
from healthsvc.core.fit.figures import RED_SHARE, figures, riskiest
from healthsvc.core.fit.steps import average, over_steps
from healthsvc.core.instants import from_us
from healthsvc.core.risk.section import RiskRules
from healthsvc.flows.lab.backtest import CannotJudgeError, distribution, observed_rows, part
from healthsvc.flows.lab.score import Tell, score
from healthsvc.wire.files.columns import read_events
from healthsvc.wire.files.labels import Labels
from healthsvc.wire.files.row_groups import RowTally

SHOWN = 20


def risks_of(events: Path, labels: Labels, rules: RiskRules, tell: Tell) -> Floats:
    """Risks of the rows by a scorecard's model, whatever horizon the rows name."""
    models = {int(h): rules.model for h in np.unique(labels.horizon_us)}
    return score(events, labels, mapping=rules.mapping, tell=tell, models=models).risks


def compare(
    events: Path, labels: Labels, one: RiskRules, other: RiskRules, capacity: int, tell: Tell
) -> dict[str, Any]:
    """Figures of both on the same rows, and the difference of their AUC with its error, customers
    as units."""
    labelled = part(labels, ~np.isnan(labels.churned))
    rows = observed_rows(labelled)
    first, second = risks_of(events, labelled, one, tell), risks_of(events, labelled, other, tell)
    both = {
        name: figures(rows, r, capacity=capacity, probability=rules.model.kind != "ranking")
        for name, r, rules in (("one", first, one), ("other", second, other))
    }
    gain = standard_errors.auc_gain(rows.y, second, first, rows.customer)
    steps = {
        name: over_steps(rows, r, average(rows, r))
        for name, r in (("one", first), ("other", second))
    }
    auc_gain = {"value": gain.value, "error": gain.error}
    return {**both, "auc_gain": auc_gain, "red": red_moves(labelled, first, second), "steps": steps}


def red_moves(labels: Labels, first: Floats, second: Floats) -> dict[str, Any]:
    """Who enters and who leaves the riskiest tenth on the last date."""
    last = labels.obs_us == labels.obs_us.max()
    at = np.flatnonzero(last)
    one = riskiest(labels.obs_us[last], first[last], share=RED_SHARE)
    other = riskiest(labels.obs_us[last], second[last], share=RED_SHARE)
    enter, leave = at[other & ~one], at[one & ~other]
    return {
        "share": RED_SHARE,
        "customers": len(at),
        "enter": len(enter),
        "leave": len(leave),
        "entering": [_shift(labels, i, first, second) for i in enter.tolist()[:SHOWN]],
        "leaving": [_shift(labels, i, first, second) for i in leave.tolist()[:SHOWN]],
    }


def watch(events: Path, labels: Labels, rules: RiskRules, tell: Tell) -> dict[str, Any]:
    """Whether matured outcomes still agree with a fitted model, and if it should be fitted anew."""
    if rules.model.kind == "ranking":
        raise CannotJudgeError("a ranking promises no level that could drift: fit a model first")
    labelled = part(labels, ~np.isnan(labels.churned))
    rows = observed_rows(labelled)
    risks = risks_of(events, labelled, rules, tell)
    result = drift(rows.y, risks, rows.obs_us, rows.customer)
    return {
        "alarm": result.alarm,
        "advice": "fit anew: healthsvc lab fit" if result.alarm else "the model still holds",
        "intercept_off_by": result.offset.value,
        "standard_error": result.offset.error,
        "rows": len(rows.y),
        "told": float(risks.mean()),
        "happened": float(rows.y.mean()),
        "dates": [
            {"date": from_us(us).isoformat(), "rows": n, "told": mean, "happened": happened}
            for us, n, mean, happened in result.by_date
        ],
    }


def preview(
    events: Path, labels: Labels, new: RiskRules, live: RiskRules, tell: Tell
) -> dict[str, Any]:
    """How a scorecard's risks lie, and who would move against the live one; no outcome is looked
    at."""
    first, second = risks_of(events, labels, live, tell), risks_of(events, labels, new, tell)
    top = np.argsort(-second, kind="stable")[:SHOWN].tolist()
    return {
        "customers": len(labels),
        "risk_kind": new.model.kind,
        "distribution": distribution(second),
        "distribution_live": distribution(first),
        "riskiest": [_shift(labels, i, first, second) for i in top],
        "red": red_moves(labels, first, second),
    }


def everyone(events: Path, now_us: int | None, horizon_us: int) -> Labels:
    """A row for each customer that the log names up to an instant (its last event's, if None), by
    id."""
    first_us: dict[str, int] = {}
    last = 0
    for group in read_events(events, RowTally()):
        for account, us in zip(group.accounts, group.us.tolist(), strict=True):
            first_us[account] = min(us, first_us.get(account, us))
        last = max(last, int(group.us.max()) if len(group) else 0)
    now = last if now_us is None else now_us
    names = sorted(a for a, first in first_us.items() if first <= now)
    n, text = len(names), from_us(now).isoformat()
    return Labels(
        names,
        [text] * n,
        np.full(n, now, np.int64),
        np.full(n, horizon_us, np.int64),
        np.full(n, np.nan),
        np.full(n, -1, np.int64),
    )


def _shift(labels: Labels, i: int, first: Floats, second: Floats) -> dict[str, Any]:
    return {"account_id": labels.accounts[i], "before": float(first[i]), "after": float(second[i])}
