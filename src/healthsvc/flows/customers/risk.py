"""The churn risk of one customer: what the number is, whose it is, and what it is made of."""

from dataclasses import dataclass, replace

from healthsvc.core.instants import DAY_US
from healthsvc.core.risk import model
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer

BY_SCORE = "ranking"
"""What 1 - score / 100 is: good for sorting, not a probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureEffect:
    """What one feature of the model adds to the log-odds of the reference customer."""

    feature: str
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRisk:
    """A risk and what it is: a ranking, a probability of silence or of churn; over which horizon,
    whose."""

    risk: float | None
    """None without evidence, and of a customer that has left."""
    kind: str
    model: str
    horizon_days: float | None
    reference_log_odds: float | None = None
    contributions: list[FeatureEffect] | None = None
    """The strongest first."""
    raised: bool | None = None
    """Whether an exception of the scorecard raises the risk above what its parts add up to."""


def risk_of(customer: EvaluatedCustomer) -> CustomerRisk:
    """The risk, without what it is made of."""
    rules, score = customer.view.program.risk_rules, customer.score
    unknown = customer.frozen or score is None
    if rules is None:
        by_score = None if customer.frozen or score is None else 1 - score / 100
        return CustomerRisk(risk=by_score, kind=BY_SCORE, model="score", horizon_days=None)
    return CustomerRisk(
        risk=None if unknown else float(customer.evaluation.risk[customer.row]),
        kind=rules.model.kind,
        model=rules.model.name,
        horizon_days=rules.model.horizon_us / DAY_US,
    )


def explain_risk(customer: EvaluatedCustomer) -> CustomerRisk:
    """The risk with the log-odds of each term over the reference customer's: they and
    `reference_log_odds` add up to the risk's log-odds, unless an exception rule raises the risk."""
    risk = risk_of(customer)
    parts, rules = customer.batch.risk_parts, customer.view.program.risk_rules
    if rules is None or parts is None or customer.frozen or customer.score is None:
        return risk
    row = customer.row
    own = float(model.as_risk(model.log_odds(rules.model, parts[row : row + 1]))[0])
    names = [term.feature.name for term in rules.model.terms]
    strongest_first = sorted(
        zip(names, parts[row].tolist(), strict=True), key=lambda part: -abs(part[1])
    )
    return replace(
        risk,
        reference_log_odds=rules.model.intercept,
        contributions=[
            FeatureEffect(feature=name, log_odds=part) for name, part in strongest_first
        ],
        raised=bool(customer.evaluation.risk[customer.row] > own),
    )
