"""The churn risk of one customer in words and numbers: what it is, whose number, and what it is
made of."""

from typing import Any

from healthsvc.core.instants import DAY_US
from healthsvc.core.risk import model
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View

BY_SCORE = "ranking"
"""What 1 - score / 100 is: good for sorting, not a probability."""


def risk_told(
    view: View, found: Evaluation, score: float | None, *, frozen: bool
) -> dict[str, Any]:
    """Row 0's risk and what it is: a ranking, a probability of silence or of churn; over which
    horizon, whose. None without evidence, and of a customer that has left (`frozen`)."""
    rules = view.program.risk_rules
    unknown = frozen or score is None
    if rules is None:
        by_score = None if frozen or score is None else 1 - score / 100
        return {
            "risk": by_score,
            "risk_is": BY_SCORE,
            "risk_model": "score",
            "risk_horizon_days": None,
        }
    return {
        "risk": None if unknown else float(found.risk[0]),
        "risk_is": rules.model.kind,
        "risk_model": rules.model.name,
        "risk_horizon_days": rules.model.horizon_us / DAY_US,
    }


def risk_explained(
    view: View, found: Evaluation, score: float | None, *, frozen: bool
) -> dict[str, Any]:
    """The same with the log-odds of each term over the reference customer's: they and
    `risk_reference_log_odds` add up to the risk's log-odds, unless an exception rule raises the
    risk (`risk_raised`)."""
    told = risk_told(view, found, score, frozen=frozen)
    seen, rules = view.risk_snapshot(), view.program.risk_rules
    if rules is None or seen is None or frozen or score is None:
        return told
    parts = model.contributions(rules.model, seen)
    own = float(model.as_risk(model.log_odds(rules.model, parts))[0])
    names = [term.feature.name for term in rules.model.terms]
    strongest_first = sorted(
        zip(names, parts[0].tolist(), strict=True), key=lambda part: -abs(part[1])
    )
    return told | {
        "risk_reference_log_odds": rules.model.intercept,
        "risk_contributions": [
            {"feature": name, "log_odds": part} for name, part in strongest_first
        ],
        "risk_raised": bool(found.risk[0] > own),
    }
